"""Which packets of a time span were not delivered, from the events of their feed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from typing import NamedTuple

from depot_sim.domain.kernel.events import Event
from depot_sim.domain.packets import events as e

NAMED = 3
"""Of packets with the same fate, so many are named."""

_Name = tuple[str, int]
"""Of a packet: device and number."""


class _Fate(NamedTuple):
    words: str
    reason: str = ""


_WAITING = _Fate("waiting to be sent")


def undelivered_packets(
    events: Iterable[Event], since: int, until: int, overrides: Set[str], held_devices: Set[str]
) -> Sequence[str]:
    """A sentence for each fate but delivery of packets published from `since` to `until`, in ms since 1970.

    Packets that these `overrides` have treated are left out, and those that wait at the `held_devices`.
    """
    published: dict[_Name, e.SensorPacketPublished] = {}
    fates: dict[_Name, _Fate] = {}
    for event in events:
        if isinstance(event, e.SensorPacketPublished):
            if since <= event.at <= until and overrides.isdisjoint(event.overrides):
                published[event.device_id, event.seq] = event
                fates[event.device_id, event.seq] = _WAITING
        elif isinstance(event, e.DeliveryEvent | e.PacketDropped) and (event.device_id, event.seq) in fates:
            fates[event.device_id, event.seq] = _fate_after(event)
    by_fate: dict[_Fate, list[e.SensorPacketPublished]] = {}
    for name, fate in fates.items():
        is_held = fate.words == _WAITING.words and name[0] in held_devices
        if fate.words and not is_held:
            by_fate.setdefault(fate, []).append(published[name])
    return list(_sentences(by_fate.items()))


def _fate_after(event: e.DeliveryEvent | e.PacketDropped) -> _Fate:
    match event:
        case e.PacketDropped():
            return _Fate("dropped", event.reason)
        case e.PacketRejected():
            return _Fate("refused for good", f"answered {event.status}")
        case e.PacketDeliveryFailed():
            return _Fate(_WAITING.words, event.error or f"answered {event.status}")
    return _Fate("")


def _sentences(by_fate: Iterable[tuple[_Fate, Sequence[e.SensorPacketPublished]]]) -> Iterator[str]:
    for fate, packets in by_fate:
        names = [f"{packet.type} {packet.seq} of {packet.device_id}" for packet in packets[:NAMED]]
        more = f" and {len(packets) - NAMED} more" if len(packets) > NAMED else ""
        because = f" ({fate.reason})" if fate.reason else ""
        yield f"{', '.join(names)}{more} not delivered: {fate.words}{because}"
