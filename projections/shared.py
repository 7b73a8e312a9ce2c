"""The projectors of the read models that belong to no protocol family."""

from __future__ import annotations

from depot_sim.projections.configurations import ConfigurationsProjector
from depot_sim.projections.interventions import InterventionsProjector
from depot_sim.projections.power import PowerProjector
from depot_sim.projections.projector import Projector
from depot_sim.projections.runs import RunsProjector

SHARED_PROJECTORS: tuple[Projector, ...] = (
    RunsProjector(),
    ConfigurationsProjector(),
    PowerProjector(),
    InterventionsProjector(),
)
