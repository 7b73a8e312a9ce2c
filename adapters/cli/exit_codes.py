"""What every command's exit code means."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    OK = 0
    """Fine."""
    VERDICT_FAILED = 1
    """What was checked does not hold: faults in a document, a replay that ends elsewhere, tables that differ."""
    USAGE = 2
    """The arguments or the input are wrong, or the request was refused."""
    UNREACHABLE = 3
    """A server or a database cannot be used, or another process writes to the SQLite file."""
    INTERNAL = 4
    """A defect of depot-sim."""
    MEMORY = 7
    """The memory is used up; what was acknowledged is stored."""
    INTERRUPTED = 130
    """Ctrl-C, as shells have it: 128 + SIGINT."""
    CLOSED_PIPE = 141
    """Nobody reads the output any more, as shells have it: 128 + SIGPIPE."""
