"""The projector of every read model."""

from __future__ import annotations

from projections.configurations import ConfigurationsProjector
from projections.oscp_messages import OscpMessagesProjector
from projections.oscp_sessions import OscpSessionsProjector
from projections.packets import PacketsProjector
from projections.power import PowerProjector
from projections.projector import Projector
from projections.runs import RunsProjector

PROJECTORS: tuple[Projector, ...] = (
    RunsProjector(),
    ConfigurationsProjector(),
    PowerProjector(),
    OscpMessagesProjector(),
    OscpSessionsProjector(),
    PacketsProjector(),
)
