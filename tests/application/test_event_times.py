"""Finding a place in the log by wall time."""

from __future__ import annotations

from depot_sim.application.event_log import EventLog, Row
from depot_sim.application.event_times import position_recorded_before
from depot_sim.domain.kernel.events import EncodedEvent


class GappyLog:
    """Only what is asked of it here; positions leave gaps, as PostgreSQL's do."""

    def __init__(self, recorded: dict[int, int]) -> None:
        event = EncodedEvent("t", b"{}")
        self._rows = [Row(position, "s", 1, *event, at, b"") for position, at in recorded.items()]

    def head(self) -> int:
        return self._rows[-1].position if self._rows else 0

    def read_all(self, after: int, limit: int) -> object:
        return [row for row in self._rows if row.position > after][:limit]


def log(recorded: dict[int, int]) -> EventLog:
    return GappyLog(recorded)  # type: ignore[return-value]


def test_every_moment_lands_behind_what_was_recorded_before_it() -> None:
    recorded = {1: 10, 2: 10, 7: 20, 9: 30, 30: 30, 31: 45}
    for moment in range(60):
        expected = max((position for position, at in recorded.items() if at < moment), default=0)
        assert position_recorded_before(log(recorded), moment) == expected


def test_an_empty_log_has_no_such_place() -> None:
    assert position_recorded_before(log({}), 100) == 0
