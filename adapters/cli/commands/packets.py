"""`depot-sim packets`: what devices tell the platform, and how."""

from __future__ import annotations

from depot_sim.adapters.cli.arguments import Subcommands
from depot_sim.adapters.cli.commands import (
    packets_binding,
    packets_faults,
    packets_feeds,
    packets_history,
    packets_profile,
)

_GROUPS = (packets_feeds, packets_history, packets_binding, packets_profile, packets_faults)


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser("packets", help="sensor packets and their profiles", description=__doc__)
    actions = command.add_subparsers(title="actions", metavar="ACTION", required=True)
    for group in _GROUPS:
        group.add_to(actions)
