"""Times in answers and queries."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

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


def from_query(moment: str) -> str:
    """A moment as it was meant: in a query an unescaped "+" arrives as a space."""
    return _SPACE_FOR_PLUS.sub("+", moment)
