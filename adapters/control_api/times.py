"""Times in answers and queries."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from depot_sim.domain.kernel.errors import Fault, InvalidInput

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
_SPACE_FOR_PLUS = re.compile(r"^ |(?<=[0-9]) (?=[0-9]{2}:[0-9]{2}$)")


def wall_time(us: int) -> str:
    """RFC 3339 from µs since 1970."""
    return (_EPOCH + us * _US).isoformat(timespec="microseconds").replace("+00:00", "Z")


def wall_us(text: str) -> int:
    """µs since 1970 from RFC 3339 with an offset. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no offset")
    return (moment - _EPOCH) // _US


def recorded_us(text: str, pointer: str) -> int:
    """As `wall_us`, from a query. Raises InvalidInput."""
    try:
        return wall_us(from_query(text))
    except (ValueError, OverflowError):
        expected = "an RFC 3339 time with an offset, such as 2026-03-02T12:00:00Z"
        raise InvalidInput([Fault(pointer, repr(text), expected)]) from None


def from_query(moment: str) -> str:
    """A moment as it was meant: in a query an unescaped "+" arrives as a space."""
    return _SPACE_FOR_PLUS.sub("+", moment)
