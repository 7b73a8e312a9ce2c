"""How far every read model has come."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from depot_sim.read_models.store import Stored


class Position(msgspec.Struct, frozen=True):
    """`position` in the log and `lag` behind its head; `updated_at` in µs since 1970, 0 before the first event."""

    read_model: str
    position: int
    lag: int
    updated_at: int


def positions(stored: Mapping[str, Stored], head: int) -> list[Position]:
    """`stored` by name of the read model; `head` is the newest position of the log."""
    return [_position(name, one, head) for name, one in stored.items()]


def _position(name: str, stored: Stored, head: int) -> Position:
    position = stored.mark.position
    return Position(name, position, max(0, head - position), stored.updated_at)
