"""The projector of every read model."""

from __future__ import annotations

from depot_sim.projections.configurations import ConfigurationsProjector
from depot_sim.projections.oscp_messages import OscpMessagesProjector
from depot_sim.projections.oscp_sessions import OscpSessionsProjector
from depot_sim.projections.packets import PacketsProjector
from depot_sim.projections.power import PowerProjector
from depot_sim.projections.projector import Projector
from depot_sim.projections.runs import RunsProjector

PROJECTORS: tuple[Projector, ...] = (
    RunsProjector(),
    ConfigurationsProjector(),
    PowerProjector(),
    OscpMessagesProjector(),
    OscpSessionsProjector(),
    PacketsProjector(),
)
