"""What a caller says to start a run, and how its times are read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import msgspec

from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.quantities import MS_PER_DAY, MS_PER_SECOND, Duration
from depot_sim.domain.run.events import ClockMode, RunClock

DEFAULT_START = "2026-03-02T12:00:00+00:00"
"""A Monday at noon, when most buses are out."""
MAX_TICK_MS = 3_600 * MS_PER_SECOND
MAX_BEFORE_NOW_MS = 7 * MS_PER_DAY
MAX_SETTLE_MS = 600 * MS_PER_SECOND
_MS = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NOW = re.compile(r"now(?:\s*-\s*(.+))?")
_REAL_TIME_PPM = 1_000_000


class ClockRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`speed` is a number as text, or a whole one; 1 is real time, and for a manual clock it means nothing.

    With `lock_step` a run at another speed than 1 waits at each tick for the answers to what it has sent, as one with a
    manual clock does: for at most `settle` of wall time, 0 not at all.
    """

    mode: ClockMode = ClockMode.REALTIME
    speed: str | int = "1"
    lock_step: bool = False
    settle: Duration = Duration(5 * MS_PER_SECOND)


class StartRun(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`start_time` is RFC 3339 with an offset: the depot's local time. `disturbances` names a profile.

    `start_time` may also be "now", or "now" minus a duration such as "now - 20 min": such a run is on wall time.
    """

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
    faults += _start_faults(request.start_time)
    faults += _clock_faults(request.clock)
    if not faults and before_now(request.start_time) is not None:
        faults += _faults_beside_now(request.clock)
    if request.run_id is not None and not _is_id(request.run_id):
        faults.append(Fault("/run_id", repr(request.run_id), "1 to 64 letters, digits, dots, dashes or underscores"))
    if faults:
        raise InvalidInput(faults)


def _start_faults(start_time: str) -> Iterator[Fault]:
    try:
        before_ms = before_now(start_time)
        if before_ms is None:
            parse_start(start_time)
        elif before_ms > MAX_BEFORE_NOW_MS:
            yield Fault("/start_time", repr(start_time), "at most 168 h before now")
    except ValueError as wrong:
        yield Fault("/start_time", repr(start_time), str(wrong))


def _faults_beside_now(clock: ClockRequest) -> Iterator[Fault]:
    """Of the clock of a run that is on wall time."""
    if clock.mode is not ClockMode.REALTIME:
        yield Fault("/clock/mode", repr(clock.mode.value), '"REALTIME" beside a start_time of "now"')
    if parse_speed(clock.speed) != _REAL_TIME_PPM:
        yield Fault("/clock/speed", repr(clock.speed), '1 beside a start_time of "now"')


def before_now(start_time: str) -> int | None:
    """How many ms before the present a run starts; None for a fixed time. Raises ValueError that says what would do."""
    if not start_time.startswith("now"):
        return None
    match = _NOW.fullmatch(start_time)
    expected = '"now", or "now" minus a duration such as "now - 20 min"; a run cannot start in the future'
    if match is None:
        raise ValueError(expected)
    try:
        return 0 if match[1] is None else int(Duration.parse(match[1]))
    except ValueError:
        raise ValueError(expected) from None


def start_at(before_ms: int, tick_ms: int, now_us: int, utc_offset_s: int) -> str:
    """The start of a run that begins so long before the present, as RFC 3339 with this offset.

    It is a whole multiple of the tick since 1970, so that ticks end at full minutes and quarters of an hour where their
    length divides these.
    """
    start_ms = (now_us // 1_000 - before_ms) // tick_ms * tick_ms
    local = timezone(timedelta(seconds=utc_offset_s))
    return (_EPOCH + start_ms * _MS).astimezone(local).isoformat(timespec="milliseconds")


def epoch_ms(start_time: str) -> int:
    """A start time in ms since 1970 UTC."""
    return (parse_start(start_time) - _EPOCH) // _MS


def check_settle(settle: Duration | None, pointer: str) -> None:
    """Raises InvalidInput for a time that nobody would wait."""
    faults = () if settle is None else tuple(_settle_faults(settle, pointer))
    if faults:
        raise InvalidInput(faults)


def _settle_faults(settle: Duration, pointer: str) -> Iterator[Fault]:
    if not 0 <= settle <= MAX_SETTLE_MS:
        yield Fault(pointer, f"{int(settle)} ms", "a duration from 0 to 10 min; 0 does not wait")


def _clock_faults(clock: ClockRequest) -> Iterator[Fault]:
    yield from _settle_faults(clock.settle, "/clock/settle")
    try:
        speed = parse_speed(clock.speed)
    except ValueError as wrong:
        yield Fault("/clock/speed", repr(clock.speed), str(wrong))
        return
    if clock.lock_step and clock.mode is ClockMode.REALTIME and speed == _REAL_TIME_PPM:
        yield Fault("/clock/lock_step", "true beside speed 1", "false: in real time the run follows the wall's clock")


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


def run_clock(request: ClockRequest, *, on_wall_time: bool = False) -> RunClock:
    return RunClock(request.mode, parse_speed(request.speed), on_wall_time, request.lock_step, int(request.settle))


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
