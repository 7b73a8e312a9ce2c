"""`depot-sim packets`: what devices tell the platform, and how."""

from __future__ import annotations

from depot_sim.adapters.cli.arguments import Subcommands
from depot_sim.adapters.cli.packets import binding, faults, feeds, history, profile
from depot_sim.adapters.cli.packets.profiles import PacketProfiles


def add_to(subcommands: Subcommands, profiles: PacketProfiles) -> None:
    command = subcommands.add_parser("packets", help="sensor packets and their profiles", description=__doc__)
    actions = command.add_subparsers(title="actions", metavar="ACTION", required=True)
    feeds.add_to(actions, profiles)
    history.add_to(actions)
    binding.add_to(actions, profiles)
    profile.add_to(actions, profiles)
    faults.add_to(actions)
