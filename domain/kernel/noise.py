"""Seeded noise without state: a draw is a function of (seed, stream name, index); order and resumes cannot matter."""

from __future__ import annotations

from hashlib import blake2b
from itertools import pairwise
from struct import Struct

from depot_sim.domain.kernel.quantities import PPM

_TWELVE = Struct("<12H")
_IRWIN_HALL_MEAN = 12 * 65_535 // 2
SIGMA = 65_536  # the twelve-fold sum of uniform 16-bit draws has exactly this standard deviation (to 1e-10)


class Noise:
    """Named streams of draws for one run."""

    def __init__(self, seed: int) -> None:
        self._key = seed.to_bytes(16, "little", signed=True)

    def normal(self, stream: str, index: int) -> int:
        """A draw of N(0, 1) scaled by SIGMA, cut at six standard deviations by construction."""
        total: int = sum(_TWELVE.unpack(self._digest(stream, index, 24)))
        return total - _IRWIN_HALL_MEAN

    def uniform(self, stream: str, index: int, below: int) -> int:
        """A whole number in [0, below)."""
        return int.from_bytes(self._digest(stream, index, 8), "little") * below >> 64

    def happens(self, stream: str, index: int, probability_ppm: int) -> bool:
        return self.uniform(stream, index, PPM) < probability_ppm

    def lognormal(self, stream: str, index: int, median: int, p95: int) -> int:
        """A delay with this median and 95th percentile: the lognormal's quantiles, straight between five of them.

        The quantiles at z = ±3.29, ±1.645 and 0 are whole ratios of median and p95, so no transcendental is needed.
        """
        knots = (
            (500, median**3 // p95**2),
            (50_000, median**2 // p95),
            (500_000, median),
            (950_000, p95),
            (999_500, p95**2 // median),
        )
        rank = self.uniform(stream, index, PPM)
        for (rank0, low), (rank1, high) in pairwise(knots):
            if rank <= rank1:
                return low + (high - low) * max(0, rank - rank0) // (rank1 - rank0)
        return knots[-1][1]

    def _digest(self, stream: str, index: int, size: int) -> bytes:
        return blake2b(b"%s/%d" % (stream.encode(), index), digest_size=size, key=self._key).digest()
