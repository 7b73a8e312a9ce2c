"""What the commands on packet feeds have in common."""

from __future__ import annotations

import argparse

from depot_sim.adapters.cli.arguments import add_json, add_server


def add_run(action: argparse.ArgumentParser) -> None:
    action.add_argument("--run", required=True, metavar="RUN_ID")


def add_feed(action: argparse.ArgumentParser) -> None:
    """A run's feed, which needs no name while it is the only one."""
    add_run(action)
    action.add_argument("--feed", metavar="BINDING_ID", help="which feed (default: the only one)")


def finish(action: argparse.ArgumentParser, execute: object) -> None:
    add_server(action)
    add_json(action)
    action.set_defaults(execute=execute)
