"""How far every read model has come."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from read_models.store import ModelStore


class Position(msgspec.Struct, frozen=True):
    """`position` in the log and `lag` behind its head; `updated_at` in µs since 1970, 0 before the first event."""

    read_model: str
    position: int
    lag: int
    updated_at: int


def positions(stores: Iterable[ModelStore], head: int) -> list[Position]:
    return [_position(store, head) for store in stores]


def _position(store: ModelStore, head: int) -> Position:
    stored = store.stored()
    position = stored.mark.position
    return Position(store.model.name, position, max(0, head - position), stored.updated_at)
