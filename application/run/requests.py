"""What a caller says to start a run, and how its times are read."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.quantities import MS_PER_SECOND, Duration
from depot_sim.domain.run.events import ClockMode, RunClock

DEFAULT_START = "2026-03-02T12:00:00+00:00"
"""A Monday at noon, when most buses are out."""
MAX_TICK_MS = 3_600 * MS_PER_SECOND
_MS = timedelta(milliseconds=1)


class ClockRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`speed` is a number as text, or a whole one; 1 is real time, and for a manual clock it means nothing."""

    mode: ClockMode = ClockMode.REALTIME
    speed: str | int = "1"


class StartRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`start_time` is RFC 3339 with an offset: the depot's local time. `disturbances` names a profile."""

    configuration_id: str
    seed: int = 1
    start_time: str = DEFAULT_START
    configuration_version: int | None = None
    tick: Duration = Duration(MS_PER_SECOND)
    clock: ClockRequest = ClockRequest()
    disturbances: str = ""
    run_id: str | None = None


def check_start(request: StartRun) -> None:
    """Raises InvalidInput with every fault of the request itself."""
    faults = []
    if not 1 <= request.tick <= MAX_TICK_MS:
        faults.append(Fault("/tick", f"{int(request.tick)} ms", "a duration from 1 ms to 1 h"))
    if not -(1 << 63) <= request.seed < 1 << 63:
        faults.append(Fault("/seed", str(request.seed), "a whole number of at most 64 bits"))
    try:
        parse_start(request.start_time)
    except ValueError as wrong:
        faults.append(Fault("/start_time", repr(request.start_time), str(wrong)))
    try:
        parse_speed(request.clock.speed)
    except ValueError as wrong:
        faults.append(Fault("/clock/speed", repr(request.clock.speed), str(wrong)))
    if request.run_id is not None and not _is_id(request.run_id):
        faults.append(Fault("/run_id", repr(request.run_id), "1 to 64 letters, digits, dots, dashes or underscores"))
    if faults:
        raise InvalidInput(faults)


def parse_start(text: str) -> datetime:
    """A local time with its UTC offset. Raises ValueError that says what would do."""
    expected = 'an RFC 3339 time with an offset such as "2026-03-02T12:00:00+10:00"'
    try:
        start = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(expected) from None
    if start.tzinfo is None:
        raise ValueError(expected)
    return start


def parse_speed(speed: str | int) -> int:
    """Parts per million of real time, exactly as written. Raises ValueError that says what would do."""
    whole, _, fraction = str(speed).partition(".")
    expected = 'a number above 0 and up to 100000 with at most 6 decimals, such as 2 or "0.5"'
    if not whole.isdecimal() or (fraction and not fraction.isdecimal()) or len(whole) > 6 or len(fraction) > 6:
        raise ValueError(expected)
    ppm = int(whole) * 1_000_000 + int(fraction.ljust(6, "0") or 0)
    if not 0 < ppm <= 100_000_000_000:
        raise ValueError(expected)
    return ppm


def run_clock(request: ClockRequest) -> RunClock:
    return RunClock(request.mode, parse_speed(request.speed))


def time_at(start_time: str, at: int) -> str:
    """Logical time as RFC 3339, in the run's own offset."""
    return (datetime.fromisoformat(start_time) + at * _MS).isoformat(timespec="milliseconds")


def parse_moment(start_time: str, text: str, pointer: str) -> int:
    """Logical ms from an RFC 3339 time, or from "+…" with a duration since the run's start. Raises InvalidInput."""
    expected = 'an RFC 3339 time with an offset, or "+90 min" since the run\'s start'
    try:
        if text.startswith("+"):
            return int(Duration.parse(text[1:]))
        return (parse_start(text) - datetime.fromisoformat(start_time)) // _MS
    except ValueError:
        raise InvalidInput([Fault(pointer, repr(text), expected)]) from None


def _is_id(text: str) -> bool:
    return 1 <= len(text) <= 64 and all(c.isascii() and (c.isalnum() or c in "._-") for c in text)
