"""From arguments to an exit code: whatever goes wrong ends in one clear block on stderr."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any, TextIO

from depot_sim.adapters.cli import failures
from depot_sim.adapters.cli.arguments import Parser, Subcommands
from depot_sim.adapters.cli.exit_codes import ExitCode
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.adapters.cli.toolbox import Toolbox
from depot_sim.domain.kernel.errors import DepotSimError, MemoryShort

_ON_RUNS = ("serve", "run", "demo", "replay", "configuration", "runs", "world", "events", "scenario", "interventions")
_ON_THE_SERVICE = ("read-models", "standin", "version")
"""In the order of the help, with the commands of protocol families in between. Each is a module of
`depot_sim.adapters.cli.commands`, with _ for -."""
_EPILOG = (
    "exit codes: 0 fine, 1 a verdict failed, 2 usage or bad input, 3 server, database, address or disk cannot be used, "
    "4 internal, 5 nothing failed and nothing was verified, 7 memory used up"
)


def main(
    toolbox: Toolbox,
    arguments: Sequence[str] | None = None,
    stdout: TextIO | None = None,
    stderr: TextIO | None = None,
) -> int:
    """Carry out one command and return its exit code; never raises."""
    terminal = Terminal(stdout, stderr)
    try:
        code = _execute(toolbox, terminal, arguments)
        terminal.flush()
        return code
    except BrokenPipeError:
        _forget_stdout()
        return ExitCode.CLOSED_PIPE
    except (DepotSimError, OSError) as error:
        _trace_if_debugging()
        failures.show(terminal, error, toolbox.mask)
        if isinstance(error, OSError) and not error.filename:
            _forget_stdout()
        return failures.exit_code(error)
    except MemoryError:
        failures.show(terminal, MemoryShort("the command needs more memory than there is", "raise the limit of memory"))
        return ExitCode.MEMORY
    except failures.Interrupted as interrupted:
        terminal.say(interrupted.remark)
        return ExitCode.INTERRUPTED
    except KeyboardInterrupt:
        terminal.say("interrupted")
        return ExitCode.INTERRUPTED
    except Exception as defect:  # noqa: BLE001 - the outermost layer: a person gets a message, never a traceback
        _trace_if_debugging()
        failures.show_defect(terminal, defect, toolbox.mask)
        return ExitCode.INTERNAL


def parser(toolbox: Toolbox, first: str = "") -> argparse.ArgumentParser:
    """The command line with all commands, or with the one that `first` names.

    The imports of the other commands take longer than most commands.
    """
    root: argparse.ArgumentParser = Parser(
        prog="depot-sim", description="A simulated depot of electric buses.", epilog=_EPILOG
    )
    subcommands = root.add_subparsers(title="commands", metavar="COMMAND", required=True)
    commands = _commands(toolbox)
    for add_to in [commands[first]] if first in commands else commands.values():
        add_to(subcommands)
    return root


def _commands(toolbox: Toolbox) -> Mapping[str, Callable[[Subcommands], None]]:
    """What adds each command to the parser, in the order of the help."""
    on_runs, on_the_service = ({name: partial(_add, name) for name in names} for names in (_ON_RUNS, _ON_THE_SERVICE))
    on_runs["scenario"] = partial(_add, "scenario", options=toolbox.run_options)
    return on_runs | dict(toolbox.family_commands) | on_the_service


def _add(command: str, subcommands: Subcommands, **of_families: Any) -> None:
    import_module(f"depot_sim.adapters.cli.commands.{command.replace('-', '_')}").add_to(subcommands, **of_families)


def _execute(toolbox: Toolbox, terminal: Terminal, arguments: Sequence[str] | None) -> int:
    try:
        given = sys.argv[1:] if arguments is None else arguments
        parsed = parser(toolbox, given[0] if given else "").parse_args(given)
    except SystemExit as helped:  # --help has printed what it prints
        return int(helped.code or 0)
    code: ExitCode = parsed.execute(parsed, toolbox, terminal)
    return code


def _trace_if_debugging() -> None:
    if os.environ.get("DEPOT_SIM_DEBUG") == "1":
        traceback.print_exc()


def _forget_stdout() -> None:
    """Let the interpreter flush what is left into nothing instead of complaining at exit."""
    if sys.stdout is None:
        return
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
