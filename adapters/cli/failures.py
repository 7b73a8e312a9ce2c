"""Errors as people read them, what, where and what to do, and as programs do: the exit code."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from depot_sim.adapters.cli.exit_codes import ExitCode
from depot_sim.adapters.cli.os_errors import failure_of
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.application.http import Mask
from depot_sim.domain.kernel.errors import DepotSimError, Fault, InvalidInput, MemoryShort, StoreError

_SHOWN = 20


class UsageError(DepotSimError):
    type = "usage"
    title = "The command line cannot be understood"


class Unreachable(DepotSimError):
    type = "unreachable"
    title = "The server cannot be reached"


class AddressUnavailable(DepotSimError):
    type = "address-unavailable"
    title = "The address cannot be listened on"


class ServerRefused(DepotSimError):
    type = "server-refused"
    title = "The server refused the request"


class ServerFailed(DepotSimError):
    type = "server-failed"
    title = "The server could not answer"


class Interrupted(Exception):
    """Ctrl-C. `remark` says what became of the work and how to go on."""

    def __init__(self, remark: str = "") -> None:
        super().__init__(remark)
        self.remark = remark


def exit_code(error: DepotSimError | OSError) -> ExitCode:
    if isinstance(error, OSError):
        return failure_of(error).code
    if isinstance(error, StoreError | Unreachable | AddressUnavailable):
        return ExitCode.UNREACHABLE
    if isinstance(error, MemoryShort):
        return ExitCode.MEMORY
    if isinstance(error, ServerFailed):
        return ExitCode.INTERNAL
    return ExitCode.USAGE


def show(terminal: Terminal, error: DepotSimError | OSError, mask: Mask = str) -> None:
    """One block on stderr. What it repeats of arguments and files may hold secrets."""
    terminal.err.print(Text.assemble(("error: ", "bold red"), mask(_what(error))), soft_wrap=True)
    for label, text in _lines(error):
        terminal.err.print(Text.assemble((f"  {label:<9}", "bold"), mask(text)), soft_wrap=True)


def show_defect(terminal: Terminal, defect: Exception, mask: Mask = str) -> None:
    """The block for what should never happen."""
    terminal.err.print(Text.assemble(("error: ", "bold red"), "depot-sim has a defect"), soft_wrap=True)
    terminal.say(f"  found     {type(defect).__name__}: {mask(str(defect))}")
    terminal.say("  hint      run it again with DEPOT_SIM_DEBUG=1 for the traceback, and report it")


def place(fault: Fault) -> str:
    """Where a fault is: its pointer, with line and column when they are known."""
    pointer = fault.pointer or "(the whole)"
    if not fault.line:
        return pointer
    return f"{pointer} (line {fault.line}, column {fault.column})" if fault.column else f"{pointer} (line {fault.line})"


def _what(error: DepotSimError | OSError) -> str:
    return failure_of(error).what if isinstance(error, OSError) else error.detail


def _lines(error: DepotSimError | OSError) -> Iterator[tuple[str, str]]:
    if isinstance(error, InvalidInput):
        for fault in error.faults[:_SHOWN]:
            yield "where", place(fault)
            yield "found", fault.found
            yield "expected", fault.expected
        if len(error.faults) > _SHOWN:
            yield "and", f"{len(error.faults) - _SHOWN} more"
    elif hint := failure_of(error).hint if isinstance(error, OSError) else error.hint:
        yield "hint", hint
