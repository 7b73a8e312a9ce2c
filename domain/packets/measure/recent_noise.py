"""Noise for readers that ask for the same draws again and again: of one moment, or for all time."""

from __future__ import annotations

from depot_sim.domain.kernel.noise import Noise


class RecentNoise(Noise):
    """The same draws as Noise. Normal ones are kept until another index is asked for, uniform ones for good."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._index = -1
        self._normal: dict[str, int] = {}
        self._uniform: dict[tuple[str, int, int], int] = {}

    def normal(self, stream: str, index: int) -> int:
        if index != self._index:
            self._normal.clear()
            self._index = index
        drawn = self._normal.get(stream)
        if drawn is None:
            drawn = self._normal[stream] = super().normal(stream, index)
        return drawn

    def uniform(self, stream: str, index: int, below: int) -> int:
        asked = (stream, index, below)
        drawn = self._uniform.get(asked)
        if drawn is None:
            drawn = self._uniform[asked] = super().uniform(stream, index, below)
        return drawn
