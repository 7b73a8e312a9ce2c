"""Packet feeds as a protocol family."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from depot_sim.adapters.cli.arguments import Subcommands
from depot_sim.adapters.cli.packets.endpoint import PACKETS_ENDPOINT
from depot_sim.bootstrap.family import ProtocolFamily
from depot_sim.domain.packets.named_faults import PACKETS
from depot_sim.read_models.packets import packets

if TYPE_CHECKING:
    from depot_sim.bootstrap.family_parts import FamilyService
    from depot_sim.projections.projector import Projector


def _service() -> FamilyService:
    from depot_sim.bootstrap.packets.service import SERVICE

    return SERVICE


def _events() -> Sequence[ModuleType]:
    from depot_sim.domain.packets import events

    return (events,)


def _projectors() -> Sequence[Projector]:
    from depot_sim.projections.packets.packets import PacketsProjector

    return (PacketsProjector(),)


def _add_command(subcommands: Subcommands) -> None:
    from depot_sim.adapters.cli.packets.command import add_to
    from depot_sim.adapters.packets import ProfileLibrary

    add_to(subcommands, ProfileLibrary())


PACKETS_FAMILY = ProtocolFamily(
    words=PACKETS,
    service=_service,
    events=_events,
    models=(packets.MODEL,),
    projectors=_projectors,
    command=_add_command,
    run_options=(PACKETS_ENDPOINT,),
)
