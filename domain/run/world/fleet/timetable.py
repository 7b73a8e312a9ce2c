"""When each vehicle leaves and comes back: duties of a timetable laid over logical time.

Times of day are local to the run's start, which carries its own UTC offset; no time zone changes during a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from depot_sim.domain.configuration.document import Duty, Weekday
from depot_sim.domain.kernel.quantities import MS_PER_DAY, MS_PER_SECOND

_DAYS = tuple(Weekday)
_HORIZON_DAYS = 8  # a weekly duty comes again within this many days


class Calendar(NamedTuple):
    """`start_ms_of_day` is the local time of day at which the run starts, `start_weekday` counts from Monday = 0."""

    start_ms_of_day: int
    start_weekday: int

    def midnight(self, day: int) -> int:
        """Logical time at which day `day` begins; day 0 is the run's first, so its midnight is not after 0."""
        return day * MS_PER_DAY - self.start_ms_of_day

    def day_of(self, at: int) -> int:
        return (at + self.start_ms_of_day) // MS_PER_DAY

    def ms_of_day(self, at: int) -> int:
        return (at + self.start_ms_of_day) % MS_PER_DAY

    def weekday(self, day: int) -> Weekday:
        return _DAYS[(self.start_weekday + day) % 7]


class Departure(NamedTuple):
    """One occurrence of a duty. Ordered by time, then by the duty's place in the vehicle's list."""

    departs_at: int
    duty: int
    day: int
    returns_at: int


def calendar(start: datetime) -> Calendar:
    seconds = (start.hour * 60 + start.minute) * 60 + start.second
    return Calendar(seconds * MS_PER_SECOND + start.microsecond // 1_000, start.weekday())


def next_departure(duties: Sequence[Duty], cal: Calendar, after: tuple[int, int]) -> Departure | None:
    """The first occurrence that comes after (departs_at, duty) in order, or None when there are no more duties."""
    first_day = max(0, cal.day_of(after[0]))
    coming = (
        departure
        for index, duty in enumerate(duties)
        for departure in _occurrences(duty, index, cal, first_day)
        if departure[:2] > after
    )
    return min(coming, default=None)


def departure_under_way(duties: Sequence[Duty], cal: Calendar) -> Departure | None:
    """The duty that began at or before the run's start and ends after it."""
    under_way = (
        departure
        for index, duty in enumerate(duties)
        for departure in _occurrences(duty, index, cal, -2)
        if departure.departs_at <= 0 < departure.returns_at
    )
    return max(under_way, default=None)


def _occurrences(duty: Duty, index: int, cal: Calendar, first_day: int) -> list[Departure]:
    if duty.departs.since_start:
        return [Departure(duty.departs.ms, index, 0, duty.returns.ms)]
    return [
        Departure(cal.midnight(day) + duty.departs.ms, index, day, cal.midnight(day) + duty.returns.ms)
        for day in range(first_day - 1, first_day + _HORIZON_DAYS)
        if cal.weekday(day) in duty.days
    ]
