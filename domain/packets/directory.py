"""Which packet feeds a run has: an index that is written together with what it lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import msgspec

from depot_sim.domain.kernel.aggregate import Aggregate
from depot_sim.domain.kernel.events import Event


class PacketFeedListed(Event, frozen=True, omit_defaults=True):
    """`at` is in ms since 1970 UTC, by the run's clock."""

    TOPIC: ClassVar[str] = "packets.feed-listed.1"
    OPERATIONAL: ClassVar[bool] = True
    at: int
    binding_id: str


class FeedDirectoryState(msgspec.Struct):
    """In the order they were first opened."""

    binding_ids: list[str] = []


def _listed(state: FeedDirectoryState, event: PacketFeedListed) -> None:
    state.binding_ids.append(event.binding_id)


class FeedDirectory(Aggregate[FeedDirectoryState]):
    handlers: ClassVar[Mapping[type[Event], Callable[[Any, Any], None]]] = {PacketFeedListed: _listed}
    __slots__ = ()

    def __init__(self, run_id: str) -> None:
        super().__init__(f"packet-feeds-{run_id}", FeedDirectoryState())

    @property
    def binding_ids(self) -> list[str]:
        return list(self.state.binding_ids)

    def register(self, binding_id: str, at: int) -> None:
        """Does nothing for one that is listed."""
        if binding_id not in self.state.binding_ids:
            self.emit(PacketFeedListed(at, binding_id))
