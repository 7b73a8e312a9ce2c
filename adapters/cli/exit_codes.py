"""What every command's exit code means."""

from __future__ import annotations

from enum import IntEnum

from depot_sim.domain.scenario.execution_events import ScenarioVerdict


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
    UNVERIFIED = 5
    """Nothing failed, and nothing was verified either: no expectation was met, or one has no verdict."""
    MEMORY = 7
    """The memory is used up; what was acknowledged is stored."""
    INTERRUPTED = 130
    """Ctrl-C, as shells have it: 128 + SIGINT."""
    CLOSED_PIPE = 141
    """Nobody reads the output any more, as shells have it: 128 + SIGPIPE."""


_OF_VERDICTS = {
    None: ExitCode.OK,
    ScenarioVerdict.PASSED: ExitCode.OK,
    ScenarioVerdict.UNVERIFIED: ExitCode.UNVERIFIED,
    ScenarioVerdict.FAILED: ExitCode.VERDICT_FAILED,
}
"""From the best to the worst; None is a scenario that is still played."""


def of_verdicts(*verdicts: ScenarioVerdict | None) -> ExitCode:
    """By the worst of them; fine when there are none."""
    return next((code for verdict, code in reversed(_OF_VERDICTS.items()) if verdict in verdicts), ExitCode.OK)
