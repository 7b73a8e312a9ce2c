"""`depot-sim packets modes`, `override` and `expect`."""

from __future__ import annotations

from depot_sim.adapters.cli.arguments import Subcommands
from depot_sim.adapters.cli.target_control import Kind, add_target_control

FEEDS = Kind("packet-feeds", "BINDING_ID", "/packet-override-modes")


def add_to(actions: Subcommands) -> None:
    add_target_control(actions, FEEDS)
