"""Every packet that came, as it came, with what was made of it. Bounded: each device's oldest give way."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from heapq import merge
from itertools import islice

from msgspec import Struct

from depot_sim.standin.packets.findings import Finding
from depot_sim.standin.packets.packet import Packet

_KEPT = 50_000
_KEPT_OF_EACH = 50


class Verdict(StrEnum):
    """What became of it."""

    APPLIED = "applied"
    REPEATED = "repeated"  # it was here before: accepted again, and not applied again
    RECORDED = "recorded"  # of a device that drives nothing
    UNREADABLE = "unreadable"
    TURNED_AWAY = "turned-away"  # no authorization, or a device that is not welcome
    WITHHELD = "withheld"  # we misbehaved as told, and it had no effect


class Entry(Struct, kw_only=True):
    """One packet; what could not be read has no `packet`. The status is the answer's, None if there was none."""

    number: int
    arrived_at: datetime
    device: str
    path: str
    content_type: str
    body: bytes
    verdict: Verdict
    packet: Packet | None = None
    findings: list[Finding] = []
    status: int | None = None
    misbehaviour: str | None = None


@dataclass
class Archive:
    """By device; the device of what could not be read is the path's, or "" """

    arrived: int = 0
    _kept: dict[str, deque[Entry]] = field(default_factory=dict)

    def next_number(self) -> int:
        self.arrived += 1
        return self.arrived

    def note(self, entry: Entry) -> Entry:
        """Keep it. What one device may fill gets less with every other device."""
        kept = self._kept.setdefault(entry.device, deque())
        kept.append(entry)
        room = max(_KEPT_OF_EACH, _KEPT // len(self._kept))
        while len(kept) > room:
            kept.popleft()
        return entry

    def newest_first(self, device: str | None = None, key: str | None = None, limit: int | None = None) -> list[Entry]:
        """The latest entries: of this device, with this key."""
        kept = self._kept.values() if device is None else [self._kept.get(device, deque())]
        entries = merge(*map(reversed, kept), key=lambda entry: -entry.number)
        return list(islice(_with_key(entries, key), limit))


def _with_key(entries: Iterator[Entry], key: str | None) -> Iterator[Entry]:
    if key is None:
        return entries
    return (entry for entry in entries if entry.packet and key in (one.key for one in entry.packet.measurements))
