"""Which of many devices are due, without asking each."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator


class Calendar:
    """Entries are (device, cadence, phase): it is due whenever time - phase passes a multiple of the cadence (ms)."""

    def __init__(self, entries: Iterable[tuple[int, int, int]]) -> None:
        by_cadence: dict[int, list[tuple[int, int]]] = {}
        for device, cadence, phase in entries:
            by_cadence.setdefault(cadence, []).append((phase % cadence, device))
        self._phases = {cadence: sorted(entries) for cadence, entries in by_cadence.items()}

    def due(self, after: int, upto: int) -> Iterator[int]:
        """Devices due in (after, upto], some perhaps twice."""
        for cadence, entries in self._phases.items():
            if upto - after >= cadence:
                yield from (device for _, device in entries)
                continue
            begin, end = after % cadence, upto % cadence
            if begin <= end:
                yield from _between(entries, begin, end)
            else:
                yield from _between(entries, begin, cadence)
                yield from _between(entries, -1, end)


def _between(entries: list[tuple[int, int]], after: int, upto: int) -> Iterator[int]:
    """Those with after < phase <= upto."""
    last = (upto, 1 << 62)
    for place in range(bisect_right(entries, (after, 1 << 62)), bisect_right(entries, last)):
        yield entries[place][1]
