"""`depot-sim standin`: a stand-in for the platform under test, for OSCP and for packets, until it is stopped."""

from __future__ import annotations

import argparse
import os
import sys

from depot_sim.adapters.cli.arguments import Subcommands
from depot_sim.adapters.cli.exit_codes import ExitCode
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.adapters.cli.toolbox import Toolbox

_NO_PREFIX = "\0"  # every option is the stand-in's own


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser(
        "standin",
        help="run a stand-in for the platform, for OSCP and packets (--help tells its options)",
        description=__doc__,
        add_help=False,
        prefix_chars=_NO_PREFIX,
    )
    command.add_argument("options", nargs="*")
    command.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace, _toolbox: Toolbox, _terminal: Terminal) -> ExitCode:
    """Becomes the stand-in: it shares no code with the simulator, so it is a program of its own."""
    os.execv(sys.executable, [sys.executable, "-P", "-m", "depot_sim.standin", *arguments.options])  # noqa: S606 - a list, no shell
