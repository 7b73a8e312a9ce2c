"""OSCP as a protocol family."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from depot_sim.adapters.cli.arguments import Subcommands
from depot_sim.bootstrap.family import ProtocolFamily
from depot_sim.domain.oscp.named_faults import OSCP
from depot_sim.read_models.oscp import messages, sessions

if TYPE_CHECKING:
    from depot_sim.bootstrap.family_parts import FamilyService
    from depot_sim.projections.projector import Projector


def _service() -> FamilyService:
    from depot_sim.bootstrap.oscp.service import SERVICE

    return SERVICE


def _events() -> Sequence[ModuleType]:
    from depot_sim.domain.oscp import events, ledger

    return events, ledger


def _projectors() -> Sequence[Projector]:
    from depot_sim.projections.oscp.messages import OscpMessagesProjector
    from depot_sim.projections.oscp.sessions import OscpSessionsProjector

    return OscpMessagesProjector(), OscpSessionsProjector()


def _add_command(subcommands: Subcommands) -> None:
    from depot_sim.adapters.cli.oscp.command import add_to

    add_to(subcommands)


OSCP_FAMILY = ProtocolFamily(
    words=OSCP,
    service=_service,
    events=_events,
    models=(messages.MODEL, sessions.MODEL),
    projectors=_projectors,
    command=_add_command,
)
