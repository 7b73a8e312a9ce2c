"""Instants as packets write them; every one here is UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_text(text: str) -> datetime | None:
    """RFC 3339 with its offset, or None."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant.astimezone(UTC) if instant.tzinfo else None


_SECONDS_BELOW = 1e11
"""In milliseconds that is 1973, in seconds the year 5138."""


def from_number(number: float) -> datetime | None:
    """Milliseconds since 1970, or seconds for what is too small to be."""
    return from_ms(number * 1000 if abs(number) < _SECONDS_BELOW else number)


def from_ms(ms: float) -> datetime | None:
    """Milliseconds since 1970, or None for what no calendar has."""
    try:
        return _EPOCH + timedelta(milliseconds=ms)
    except (OverflowError, ValueError):
        return None
