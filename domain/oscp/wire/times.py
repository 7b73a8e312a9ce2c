"""Instants on the wire: read in every form partners are known to send, written in the form they are known to take."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from depot_sim.domain.oscp.profile import TimestampStyle

MS_PER_SECOND = 1_000
MS_PER_MINUTE = 60 * MS_PER_SECOND
MS_PER_HOUR = 60 * MS_PER_MINUTE
MS_PER_DAY = 24 * MS_PER_HOUR

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = _EPOCH.replace(tzinfo=None)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_FIRST = -(_EPOCH_DAY - 1) * MS_PER_DAY
_END = (date(9999, 12, 31).toordinal() - _EPOCH_DAY + 1) * MS_PER_DAY

_is_canonical = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{3})?Z"
).fullmatch
_readable = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?P<separator>[Tt ])"
    r"([01][0-9]|2[0-3]):([0-5][0-9])(?::(?P<seconds>[0-5][0-9]|60)(?:\.(?P<fraction>[0-9]{1,9}))?)?"
    r"(?P<offset>[Zz]|(?P<sign>[+-])([01][0-9]|2[0-3])(?::?([0-5][0-9]))?)?"
).fullmatch


def parse_instant(text: str) -> tuple[int, tuple[str, ...]] | None:
    """(ms since 1970 UTC, names of the deviations from RFC 3339 as partners need it); None when it is no instant.

    Fractions beyond milliseconds are cut off. A naive time is taken for UTC. None as well outside the years 1 to 9999.
    """
    if not _is_canonical(text):
        return _parse_leniently(text)
    try:
        since = datetime.fromisoformat(text) - _EPOCH
    except ValueError:
        return None
    return since.days * MS_PER_DAY + since.seconds * MS_PER_SECOND + since.microseconds // 1_000, ()


def format_instant(at: int, style: TimestampStyle = TimestampStyle.MILLISECONDS) -> str:
    """`at` (ms since 1970 UTC) in one of the wire's styles; those without milliseconds cut them off."""
    moment = _NAIVE_EPOCH + timedelta(milliseconds=at)
    match style:
        case TimestampStyle.MILLISECONDS:
            return moment.isoformat(timespec="milliseconds") + "Z"
        case TimestampStyle.SECONDS:
            return moment.isoformat(timespec="seconds") + "Z"
        case TimestampStyle.NAIVE:
            return moment.isoformat(sep=" ", timespec="seconds")


def _parse_leniently(text: str) -> tuple[int, tuple[str, ...]] | None:
    found = _readable(text)
    if found is None:
        return None
    try:
        day = date(int(found[1]), int(found[2]), int(found[3])).toordinal() - _EPOCH_DAY
    except ValueError:
        return None
    at = day * MS_PER_DAY + _time_of_day(found) - _offset(found)
    return (at, tuple(_deviations(found))) if _FIRST <= at < _END else None


def _time_of_day(found: re.Match[str]) -> int:
    hours, minutes, seconds = int(found[5]), int(found[6]), int(found["seconds"] or 0)
    milliseconds = int((found["fraction"] or "").ljust(3, "0")[:3])
    return hours * MS_PER_HOUR + minutes * MS_PER_MINUTE + seconds * MS_PER_SECOND + milliseconds


def _offset(found: re.Match[str]) -> int:
    if found["sign"] is None:
        return 0
    ahead = int(found[11]) * MS_PER_HOUR + int(found[12] or 0) * MS_PER_MINUTE
    return -ahead if found["sign"] == "-" else ahead


def _deviations(found: re.Match[str]) -> Iterator[str]:
    if found["separator"] == " ":
        yield "space-for-t"
    if found["seconds"] is None:
        yield "seconds-missing"
    if found["fraction"] is not None and len(found["fraction"]) != 3:
        yield "fraction-digits"
    if found["offset"] is None:
        yield "naive-time"
    elif found["sign"] is not None and len(found["offset"]) != len("+hh:mm"):
        yield "offset-form"
