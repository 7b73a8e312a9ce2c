"""The history of packets at a million of them: projecting it, and its pages, one JSON line per figure.

One feed with 1,000 devices. Most packets are telemetry that was delivered; one in ten tells any set of eight flags that
changed, one in ten is delivered only 20,000 packets later, one in a thousand is refused, one key is said once in a
hundred thousand, and some filters match nothing though each of their words matches a lot.
Each page is of 100 packets or readings, at random places of the feed.

`python -m bench.packet_history [PACKETS] [--store sqlite|postgresql]`
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import msgspec

from bench._stores import store_url
from depot_sim.adapters.event_store import open_event_store
from depot_sim.adapters.read_store import open_read_store
from depot_sim.application.event_log import Append, EventLog, StreamWrite
from depot_sim.domain.kernel.events import encode
from depot_sim.domain.packets.events import PacketDelivered, PacketFeedOpened, PacketRejected, SensorPacketPublished
from depot_sim.domain.packets.feed import stream_of
from depot_sim.domain.packets.packet import Measurement, packet_id_of
from depot_sim.domain.packets.vocabulary import DeviceType, PacketType
from depot_sim.projections.packets.packets import PacketsProjector
from depot_sim.projections.rebuild import rebuild
from depot_sim.read_models.database import Database
from depot_sim.read_models.packets import packets
from depot_sim.read_models.packets.history import WantedPackets, Window, list_packets, list_readings
from depot_sim.read_models.packets.packets import feed_number, get_packet

PACKETS, DEVICES = 1_000_000, 1_000
TARGET_MS = 50.0
RUN, BINDING = "bench", "site"
FEED = stream_of(RUN, BINDING)

_NOON = 1_775_131_200_000
_APPENDS = 2_000
_LATE = 20_000
_REPEATS = 100
_KEYS = tuple(f"KEY_{number}" for number in range(12))
_FLAGS = tuple(f"FLAG_{number}" for number in range(8))
_FILTERS = {
    "any": WantedPackets(),
    "device": WantedPackets(device="device-7"),
    "type": WantedPackets(type="EVENT"),
    "delivery": WantedPackets(delivery="delivered"),
    "rejected": WantedPackets(delivery="rejected"),
    "pending": WantedPackets(delivery="pending"),
    "deliberate": WantedPackets(deliberate=True),
    "key": WantedPackets(key="KEY_3"),
    "key_of_many_kinds": WantedPackets(key="FLAG_3"),
    "rare_key": WantedPackets(key="RARE"),
    "rare_key_of_device": WantedPackets(device="device-0", key="RARE"),
    "key_type_device": WantedPackets(device="device-7", type="TELEMETRY", key="KEY_3"),
    "none": WantedPackets(type="EVENT", delivery="rejected"),
    "none_key": WantedPackets(type="EVENT", key="KEY_3"),
    "none_of_device": WantedPackets(device="device-7", delivery="rejected"),
    "unknown_key": WantedPackets(key="NEVER"),
}


_READINGS = {
    "any": WantedPackets(),
    "key": WantedPackets(key="KEY_3"),
    "device": WantedPackets(device="device-7"),
    "key_of_device": WantedPackets(device="device-7", key="KEY_3"),
    "rare_key": WantedPackets(key="RARE"),
}


def main() -> None:
    options = _options()
    for store in options.store:
        with store_url(store) as url, open_event_store(url) as events:
            _fill(events.log, options.packets)
            with closing(open_read_store(url, [packets.MODEL])) as read:
                model = read[packets.MODEL]
                began = time.perf_counter()
                rebuild(PacketsProjector(), events.log, model)
                rate = options.packets / (time.perf_counter() - began)
                _print(store, "packet_history_projected", round(rate), "packets/s", packets=options.packets)
                for name, latencies in _pages(model.database(), events.log.head(), options.packets):
                    _report(store, f"packet_history_{name}", latencies)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packets", nargs="?", type=int, default=PACKETS)
    parser.add_argument("--store", action="append", choices=["sqlite", "postgresql"])
    options = parser.parse_args()
    options.store = options.store or ["sqlite", "postgresql"]
    return options


def _fill(log: EventLog, packets: int) -> None:
    opened = PacketFeedOpened(
        at=_NOON,
        feed_id=FEED,
        run_id=RUN,
        binding_id=BINDING,
        managed_scope_id="site",
        site_id="site",
        started_at=_NOON,
        seed=7,
        run_version=1,
        endpoint="http://127.0.0.1:9/packets",
        profile="default/1",
        profile_files={},
        devices=(),
    )
    log.append(Append([StreamWrite(FEED, 0, [encode(opened)])]))
    version = 1
    for begin in range(0, packets, _APPENDS):
        events = [event for number in range(begin, min(begin + _APPENDS, packets)) for event in _packet(number)]
        log.append(Append([StreamWrite(FEED, version, [encode(event) for event in events])]))
        version += len(events)


def _packet(number: int) -> Iterator[SensorPacketPublished | PacketDelivered | PacketRejected]:
    """It is published, and settled now or later; with a packet that has waited until now."""
    yield _published(number)
    if not _is_late(number):
        yield _settled(number)
    if number >= _LATE and _is_late(number - _LATE):
        yield _settled(number - _LATE)


def _is_late(number: int) -> bool:
    return number % 10 == 4


def _published(number: int) -> SensorPacketPublished:
    """An event in ten, and one in five hundred treated on purpose, always telemetry."""
    seq, place = divmod(number, DEVICES)
    device, at = f"device-{place}", _NOON + seq * 10_000
    is_event = number % 10 == 9
    is_wanted = number % 500 == 2
    keys = _changed(number // 10) if is_event else _KEYS[seq % 4 : seq % 4 + 5]
    if number % 100_000 == 0:
        keys = (*keys, "RARE")
    return SensorPacketPublished(
        at=at,
        run_version=seq + 1,
        device_id=device,
        device_type=DeviceType.BESS,
        scope_id="grid",
        type=PacketType.EVENT if is_event else PacketType.TELEMETRY,
        seq=seq,
        packet_id=packet_id_of(RUN, device, seq),
        sent_at=at,
        measurements=tuple(Measurement(key, msgspec.Raw(str(number).encode()), "kW") for key in keys),
        body=f'{{"packetId":"{number}"}}',
        overrides=("o-1",) if is_wanted else (),
    )


def _settled(number: int) -> PacketDelivered | PacketRejected:
    """Refused one in a thousand, always telemetry."""
    seq, place = divmod(number, DEVICES)
    outcome, status = (PacketRejected, 422) if number % 1_000 == 501 else (PacketDelivered, 204)
    return outcome(_NOON + seq * 10_000, f"device-{place}", seq, 1, status, 1_500)


def _changed(number: int) -> tuple[str, ...]:
    """Whatever changed at once: 255 sets of keys, so that there are as many kinds of events."""
    return tuple(flag for place, flag in enumerate(_FLAGS) if (number % 255 + 1) >> place & 1)


def _pages(database: Database, head: int, count: int) -> Iterator[tuple[str, list[float]]]:
    chance = random.Random(7)
    feed = feed_number(database, FEED)
    assert feed is not None, "it was opened"

    def before() -> Window:
        return Window(before=chance.randrange(head))

    def within() -> Window:
        begin = _NOON + chance.randrange(count // DEVICES + 1) * 10_000
        return Window(since=begin, until=begin + 3_600_000, oldest_first=True)

    for name, wanted in _FILTERS.items():
        for kind, window in (("page", before), ("hour", within)):
            ask = partial(list_packets, database, feed, wanted)
            yield f"{kind}_{name}", _timed(lambda: ask(window()))  # noqa: B023 - called within the turn
    for name, wanted in _READINGS.items():
        look = partial(list_readings, database, feed, wanted)
        yield f"readings_{name}", _timed(lambda: look(before()))  # noqa: B023 - called within the turn
    ids = [packet_id_of(RUN, f"device-{place}", chance.randrange(count // DEVICES)) for place in range(DEVICES)]
    yield "packet", _timed(lambda: get_packet(database, feed, chance.choice(ids)))


def _timed(ask: Callable[[], Any]) -> list[float]:
    latencies = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        ask()
        latencies.append(time.perf_counter() - began)
    return sorted(latencies)


def _report(store: str, name: str, latencies: list[float]) -> None:
    p50, worst = latencies[len(latencies) // 2] * 1_000, latencies[-1] * 1_000
    _print(store, name, round(p50, 2), "ms", worst=round(worst, 2), at_most=TARGET_MS)


def _print(store: str, name: str, value: float, unit: str, **more: float) -> None:
    print(json.dumps({"name": name, "store": store, "value": value, "unit": unit, **more}), flush=True)


if __name__ == "__main__":
    main()
