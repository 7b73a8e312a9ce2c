"""In which order a device's packets leave: as published, but for those an override sends behind later ones."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from depot_sim.application.clock import Clock
from depot_sim.domain.packets.state import Waiting


class _Place(msgspec.Struct):
    """Of a packet that lets others go first: so many of them, until that moment."""

    behind: int
    until_us: int


class Order:
    """Counts from the first time a packet could have been sent; a restart begins to count anew."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._places: dict[tuple[str, int], _Place] = {}

    def first(self, device_id: str, backlog: Iterable[Waiting]) -> Waiting | None:
        """The packet to send next; None when there is none but such as wait for others."""
        for waiting in backlog:
            if waiting.reorder is None or not self._waits(device_id, waiting):
                return waiting
        return None

    def patience_ms(self, device_id: str) -> int | None:
        """How long until one of the device's packets need wait for others no more; None when none does."""
        now_us = self._clock.monotonic_us()
        places = [place for (id, _), place in self._places.items() if id == device_id]
        return min((max(0, -(-(place.until_us - now_us) // 1_000)) for place in places), default=None)

    def gone(self, device_id: str, seq: int) -> None:
        """A packet has left; those that wait behind others come one nearer."""
        if self._places:
            self._places.pop((device_id, seq), None)
            for (id, _), place in self._places.items():
                if id == device_id:
                    place.behind -= 1

    def _waits(self, device_id: str, waiting: Waiting) -> bool:
        reorder, now_us = waiting.reorder, self._clock.monotonic_us()
        assert reorder is not None
        place = self._places.setdefault(
            (device_id, waiting.seq), _Place(reorder.behind, now_us + reorder.at_most_ms * 1_000)
        )
        return place.behind > 0 and now_us < place.until_us
