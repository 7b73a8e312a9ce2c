"""Values by time of day: each step within the day and after the one before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from depot_sim.domain.configuration.validation.finding import Finding, finding
from depot_sim.domain.kernel.problems import quoted
from depot_sim.domain.kernel.quantities import MS_PER_DAY, ClockTime


def check_steps(pointer: str, times: Sequence[ClockTime]) -> Iterator[Finding]:
    for index, time in enumerate(times):
        at = f"{pointer}/{index}/at"
        if time.since_start or time.ms >= MS_PER_DAY:
            yield finding(at, quoted(time), 'a time within the day, "00:00" to "23:59:59"')
        elif index and time.ms <= times[index - 1].ms:
            yield finding(at, quoted(time), f'a time after "{times[index - 1]}", the step before')
