"""The arithmetic of energy registers: from recorded changes to a path of straight lines, and from there to buckets.

1 W is 1 mJ per ms, so powers are slopes. All integers: what falls between two mJ is rounded down, and because every
bucket begins with the energy at which the one before has ended, no rounding ever adds up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import tee
from typing import NamedTuple


class Change(NamedTuple):
    """A row of a register's table."""

    at: int
    bend_ms: int
    power_w: int
    energy_mj: int


class Knot(NamedTuple):
    """The register stands at `mj` at time `t`; between two knots it is a straight line."""

    t: int
    mj: int


class Stretch(NamedTuple):
    """What happened between two moments; the energies are where the register stood."""

    begin: Knot
    end: Knot
    min_w: int
    max_w: int


def path(changes: Iterable[Change], until: int) -> Iterator[Knot]:
    """From the first change to `until` or beyond. Strictly growing in time; the last line is prolonged."""
    changes = iter(changes)
    line = next(changes)
    last = Knot(line.at, line.energy_mj)
    for change in changes:
        for knot in _bend(line, change):
            if knot.t > last.t:
                yield last
            last = knot
        line = change
    yield last
    if until > last.t:
        yield Knot(until, _prolonged(line, until))


def _bend(line: Change, change: Change) -> Iterator[Knot]:
    """Along the line as long as it is known to hold, then straight to where the register came out."""
    held_until = max(line.at, change.at - change.bend_ms)
    yield Knot(held_until, _prolonged(line, held_until))
    yield Knot(change.at, change.energy_mj)


def _prolonged(line: Change, t: int) -> int:
    return line.energy_mj + line.power_w * (t - line.at)


def summed(paths: Sequence[Iterator[Knot]]) -> Iterator[Knot]:
    """The sum of registers, right from where the last of the paths begins."""
    if len(paths) == 1:
        yield from paths[0]
        return
    copies = [tee(one) for one in paths]
    walks = [Walk(walked) for _, walked in copies]
    previous = None
    for t, _ in merge(*(seen for seen, _ in copies)):
        if t != previous:
            yield Knot(t, sum(walk.energy(t) for walk in walks))
        previous = t


class Walk:
    """Goes along a path, forward only."""

    def __init__(self, knots: Iterator[Knot]) -> None:
        self._knots = knots
        self._from = self._to = next(knots)

    def energy(self, t: int) -> int:
        """The register at `t`; outside the path, what it is at the path's end."""
        while self._to.t < t and self._step():
            pass
        return _between(self._from, self._to, t)

    def stretch(self, begin: int, end: int) -> Stretch:
        """Least and most are those of the straight pieces in the stretch."""
        first = Knot(begin, self.energy(begin))
        slopes = []
        while True:
            if self._to.t > begin and self._from.t < end:
                slopes.append(mean_w(self._from, self._to))
            if self._to.t >= end or not self._step():
                break
        last = Knot(end, _between(self._from, self._to, end))
        slopes = slopes or [mean_w(first, last)]
        return Stretch(first, last, min(slopes), max(slopes))

    def _step(self) -> bool:
        following = next(self._knots, None)
        if following is None:
            return False
        self._from, self._to = self._to, following
        return True


def mean_w(begin: Knot, end: Knot) -> int:
    """To the nearest watt."""
    energy, time = end.mj - begin.mj, end.t - begin.t
    return (2 * energy + time) // (2 * time)


def _between(begin: Knot, end: Knot, t: int) -> int:
    if t >= end.t:
        return end.mj
    if t <= begin.t:
        return begin.mj
    return begin.mj + (end.mj - begin.mj) * (t - begin.t) // (end.t - begin.t)
