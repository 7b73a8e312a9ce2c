"""Finding a place in the log by wall time."""

from __future__ import annotations

from depot_sim.application.event_log import EventLog


def position_recorded_before(log: EventLog, recorded_at: int) -> int:
    """The last position recorded before this time (µs since 1970), 0 when there is none.

    Both stores keep a log sorted by time of recording. A log of an older version may hold a step back of the clock; the
    position found around it may be before or after the step.
    """
    low, high = 0, log.head()
    while low < high:
        middle = (low + high) // 2
        row = log.read_all(middle, 1)[0]
        if row.recorded_at < recorded_at:
            low = row.position
        else:
            high = middle
    return low
