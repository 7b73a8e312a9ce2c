"""Instants as ms since 1970 UTC, written in RFC 3339."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Self

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)


class Instant(int):
    """A moment in ms since 1970 UTC; written with its offset, so that no zone has to be guessed."""

    __slots__ = ()

    EXAMPLE: ClassVar[str] = "2026-04-02T10:20:00Z"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError that says what would do. Fractions of a millisecond are cut off."""
        if _FORM.fullmatch(text) is None:
            raise ValueError(cls.expected())
        try:
            return cls(instant_of(datetime.fromisoformat(text)))
        except (ValueError, OverflowError):
            raise ValueError(cls.expected()) from None

    @classmethod
    def expected(cls) -> str:
        return f'a time with its offset, such as "{cls.EXAMPLE}"'


def instant_of(moment: datetime) -> int:
    """Of a moment with its offset; fractions of a millisecond are cut off."""
    return (moment - _EPOCH) // _MS


def written(at: int) -> str:
    """The instant in UTC with milliseconds; years beyond 9999 as plain milliseconds."""
    try:
        moment = _EPOCH + at * _MS
    except OverflowError:
        return f"{at} ms since 1970"
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
