"""Packets encoded by profiles against msgspec, side by side: `python -m bench.packet_encoding`.

A round encodes telemetry of a site's meters as a feed does, all devices of a tick one after the other. The yardstick is
msgspec encoding structs written by hand for the same JSON, to the byte. The ratio to Packet is against msgspec encoding
our own struct, whose JSON is shorter: it leaves out what is as usual, and writes instants as numbers.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from depot_sim.adapters.packets import ProfileLibrary
from depot_sim.domain.packets.contract.profile import PacketProfile
from depot_sim.domain.packets.packet import Packet, packet_id_of
from depot_sim.domain.packets.vocabulary import DeviceType, PacketType, Quality

DEVICES = 200
TICKS = 5
ROUNDS = 50
_START = 1_764_068_400_000
_encode = msgspec.json.Encoder().encode


class WireMeasurement(msgspec.Struct):
    """As the default contract has it."""

    key: str
    value: msgspec.Raw
    unit: str
    quality: Quality


class WirePacket(msgspec.Struct, rename="camel"):
    schema: str
    type: PacketType
    packet_id: str
    seq: int
    site_id: str
    scope_id: str
    device_id: str
    device_type: DeviceType
    sent_at: str
    profile: str
    measurements: list[WireMeasurement]


def main() -> None:
    library = ProfileLibrary()
    default = library.load("default/1")
    packets = list(_packets(default))
    _measure("packet_encoding", default, packets, [_wire(packet) for packet in packets])
    _measure("packet_encoding_flat", library.load("flat/1"), packets)
    _measure("packet_encoding_senml", library.load("senml/1"), packets)


def _packets(profile: PacketProfile) -> Iterator[Packet]:
    keys = [one for one in profile.measurands.values() if DeviceType.CHARGER_METER in one.device_types and one.scale]
    for tick in range(TICKS):
        for number in range(DEVICES):
            device = f"charger-meter-{number}"
            told = tuple(one.measurement(one.key, 1_000 + number * TICKS + tick) for one in keys)
            yield Packet(
                type=PacketType.TELEMETRY,
                device_id=device,
                device_type=DeviceType.CHARGER_METER,
                seq=tick,
                packet_id=packet_id_of("run", device, tick),
                site_id="site",
                scope_id=f"feeder-{number % 10}",
                sent_at=_START + tick * 10_000,
                measurements=told,
            )


def _wire(packet: Packet) -> WirePacket:
    told = [WireMeasurement(one.key, one.value, one.unit, one.quality) for one in packet.measurements]
    instant = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(packet.sent_at // 1_000))
    return WirePacket(
        schema="bfsim.iot.packet/1",
        type=packet.type,
        packet_id=packet.packet_id,
        seq=packet.seq,
        site_id=packet.site_id,
        scope_id=packet.scope_id,
        device_id=packet.device_id,
        device_type=packet.device_type,
        sent_at=instant,
        profile="default/1",
        measurements=told,
    )


def _measure(name: str, profile: PacketProfile, packets: Sequence[Packet], wire: Sequence[WirePacket] = ()) -> None:
    """Rounds of each by turns; the fastest of each counts: whatever else the machine does only ever slows one down."""
    for packet, same in zip(packets, wire, strict=False):
        _check(profile.encode(packet), _encode(same))
    ours = packet_time = wire_time = 1e9
    for _ in range(ROUNDS):
        ours = min(ours, _cpu_seconds(profile.encode, packets))
        packet_time = min(packet_time, _cpu_seconds(_encode, packets))
        wire_time = min(wire_time, _cpu_seconds(_encode, wire))
    figure: dict[str, object] = {"name": name}
    if wire:
        figure |= {"value": round(wire_time / ours, 2), "unit": "ratio", "at_least": 0.5}
        figure["ratio_to_packet"] = round(packet_time / ours, 2)
    else:
        figure |= {"value": round(packet_time / ours, 2), "unit": "ratio to packet"}
    figure["us_per_packet"] = round(ours / len(packets) * 1e6, 2)
    figure["measurements_per_packet"] = len(packets[0].measurements)
    print(json.dumps(figure), flush=True)


def _check(ours: bytes, theirs: bytes) -> None:
    if ours != theirs:
        raise RuntimeError(f"not the same bytes: {ours!r} and {theirs!r}")


def _cpu_seconds(encode: Callable[[Any], bytes], items: Sequence[object]) -> float:
    began = time.process_time()
    for item in items:
        encode(item)
    return time.process_time() - began


if __name__ == "__main__":
    main()
