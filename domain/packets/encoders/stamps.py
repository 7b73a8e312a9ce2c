"""Instants as packets write them; devices of one tick share theirs, so the last one is kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - UTC throughout; the Z is written by hand


class TimestampStyle(StrEnum):
    """RFC 3339 in UTC with or without milliseconds, or a number since 1970."""

    MILLISECONDS = "milliseconds"
    SECONDS = "seconds"
    UNIX_MS = "unix_ms"
    UNIX_SECONDS = "unix_s"


def _rfc3339(timespec: str) -> Callable[[int], str]:
    def write(at: int) -> str:
        return f'"{(_EPOCH + timedelta(milliseconds=at)).isoformat(timespec=timespec)}Z"'

    return write


_WRITERS: dict[TimestampStyle, Callable[[int], str]] = {
    TimestampStyle.MILLISECONDS: _rfc3339("milliseconds"),
    TimestampStyle.SECONDS: _rfc3339("seconds"),
    TimestampStyle.UNIX_MS: str,
    TimestampStyle.UNIX_SECONDS: lambda at: str(at // 1_000),
}


class Stamps:
    """`json(at)` is the instant `at`, in ms since 1970 UTC, as JSON."""

    __slots__ = ("_at", "_json", "_write")

    def __init__(self, style: TimestampStyle) -> None:
        self._write = _WRITERS[style]
        self._at = 0
        self._json = self._write(0)

    def json(self, at: int) -> str:
        if at != self._at:
            self._json = self._write(at)
            self._at = at
        return self._json
