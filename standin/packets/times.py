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


def from_ms(ms: float) -> datetime | None:
    """Milliseconds since 1970, or None for what no calendar has."""
    try:
        return _EPOCH + timedelta(milliseconds=ms)
    except (OverflowError, ValueError):
        return None
