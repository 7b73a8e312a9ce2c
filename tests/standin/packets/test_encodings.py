"""The three encodings, each as it may arrive."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from depot_sim.standin.packets.encodings import Context, Unreadable, read_packets
from depot_sim.standin.packets.packet import Encoding, Packet, PacketType, Quality
from tests.standin.packets.stage import Sender, at, kinds, measurement, packet, played, text

ARRIVED = at(9)


def read(content: object, device: str | None = None, arrived: datetime = ARRIVED) -> list[Packet]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return [one.packet for one in read_packets(body, Context(arrived, device))]


def values(one: Packet) -> dict[str, Any]:
    return {each.key: (each.value, each.unit, each.at) for each in one.measurements}


def test_a_full_envelope_is_read_whole() -> None:
    """The contract's fields, and a measurement with a time and a quality of its own."""
    early = measurement("SOC", 71.5, "%", at=text(at(3)), quality="ESTIMATED")
    [one] = read(packet(7, 5, early, measurement("LIMIT_DER_EXPORT", None, "kW")))
    assert (one.encoding, one.type, one.seq, one.faults) == (Encoding.FULL, PacketType.TELEMETRY, 7, ())
    assert (one.device, one.device_type, one.site, one.scope) == ("mgc-1", "MICROGRID_CONTROLLER", "depot-1", "grid")
    assert values(one) == {"SOC": (71.5, "%", at(3)), "LIMIT_DER_EXPORT": (None, "kW", at(5))}
    assert one.measurements[0].quality is Quality.ESTIMATED


def test_what_is_wrong_with_an_envelope_takes_away_only_itself() -> None:
    """Every fault is said, and the value beside it is still there."""
    broken = packet(1, 0, measurement("SOC", 50, "%"), {"key": "SOH"}, colour="red")
    [one] = read({**broken, "seq": -1, "type": "NEWS", "sentAt": "yesterday", "schema": "other/2"})
    said = " | ".join(fault.text for fault in one.faults)
    for part in ("colour", "seq is -1", "type is 'NEWS'", "sentAt is 'yesterday'", "other/2", "measurements/1 has no"):
        assert part in said
    assert values(one) == {"SOC": (50, "%", ARRIVED)}


def test_the_path_names_the_device_of_an_envelope_that_does_not() -> None:
    nameless = {name: value for name, value in packet(1, 0).items() if name != "deviceId"}
    assert [one.device for one in read(nameless, device="bess-9")] == ["bess-9"]


def test_senml_base_fields_hold_until_they_are_said_anew() -> None:
    """RFC 8428 section 4.6: names join, times and values add up, the unit is a default."""
    start = at(0).timestamp()
    [one] = read(
        [
            {"bn": "bess-1/", "bt": start, "bu": "kW", "bv": 100, "n": "ACTIVE_POWER", "v": 2.5},
            {"n": "SOC", "u": "%EL", "v": -50, "t": -2},
            {"n": "HEARTBEAT_STATUS", "vs": "OK"},
            {"bt": start + 1, "n": "LIMIT_DER_EXPORT", "vb": True},
        ]
    )
    assert (one.device, one.encoding, one.sent_at) == ("bess-1", Encoding.SENML, at(1))
    assert values(one) == {
        "ACTIVE_POWER": (102.5, "kW", at(0)),
        "SOC": (50, "%EL", at(-2)),
        "HEARTBEAT_STATUS": ("OK", None, at(0)),
        "LIMIT_DER_EXPORT": (True, None, at(1)),
    }


def test_senml_times_below_2_to_the_28_are_relative_to_now() -> None:
    """RFC 8428 section 4.5.3; no time at all is now."""
    [one] = read([{"n": "bess-1:SOC", "v": 1, "t": -4}, {"n": "bess-1:SOH", "v": 2}])
    assert [each.at for each in one.measurements] == [at(5), ARRIVED]


def test_a_senml_pack_of_several_devices_is_a_packet_of_each() -> None:
    packets = read([{"n": "urn:dev:a:SOC", "v": 1}, {"n": "urn:dev:b:SOC", "v": 2}, {"n": "urn:dev:a:SOH", "v": 3}])
    assert [(one.device, len(one.measurements)) for one in packets] == [("urn:dev:a", 2), ("urn:dev:b", 1)]


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([{"n": "a/SOC", "v": 1, "crit_": 1}], "must be understood"),
        ([{"bver": 11, "n": "a/SOC", "v": 1}], "version 11"),
        ([{"n": "a/SOC", "v": 1, "vs": "x"}], "more than one value"),
        ([{"n": "a/SOC", "v": "1"}], "v is no number"),
        ([{"n": "-a/SOC", "v": 1}], "has the name"),
        ([{"n": "SOC", "v": 1}], "names no device"),
        ([{"bt": 1}], "neither a value nor a device"),
        ([{"n": "a/SOC", "v": 1, "t": 1e300}], "is no time"),
    ],
)
def test_a_senml_pack_without_a_meaning_is_unreadable(records: list[dict[str, Any]], why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read(records)


def test_the_first_record_of_a_pack_may_carry_what_senml_has_no_place_for() -> None:
    """The packet's type, number and id; and null is a string."""
    base = {"bn": "mgc-1/", "bt": at(7).timestamp(), "type": "EVENT", "seq": 3, "packetId": "id-3"}
    [one] = read([base, {"n": "LIMIT_DER_EXPORT", "vs": "null"}, {"n": "SOC", "u": "%EL", "v": 5, "t": -70}])
    assert (one.type, one.seq, one.packet_id, one.sent_at) == (PacketType.EVENT, 3, "id-3", at(7))
    assert values(one) == {"LIMIT_DER_EXPORT": (None, None, at(7)), "SOC": (5, "%EL", at(-63))}


def test_a_pack_may_say_no_more_than_that_its_device_is_gone() -> None:
    base = {"bn": "mgc-1/", "bt": at(7).timestamp()}
    for pack in ([{**base, "type": "DEATH"}], [base, {"n": "PACKET_TYPE", "vs": "DEATH"}]):
        [one] = read(pack)
        assert (one.device, one.type, one.sent_at, one.measurements) == ("mgc-1", PacketType.DEATH, at(7), ())


def test_another_contracts_fields_are_read_by_their_names() -> None:
    """With times as numbers; what else is there or is not may be right in that contract."""
    sent = {"DEV": "bess-1", "Sent": 1_772_431_200, "Readings": [{"Name": "soc", "Val": 0.5, "odd": 1}], "more": 1}
    fields = {"deviceId": "DEV", "sentAt": "Sent", "measurements": "Readings", "key": "Name", "value": "Val"}
    [received] = read_packets(json.dumps(sent).encode(), Context(ARRIVED, fields=fields))
    one = received.packet
    assert (one.device, one.sent_at, one.faults) == ("bess-1", at(0), ())
    assert values(one) == {"soc": (0.5, None, at(0))}


def test_a_flat_packet_needs_a_time_and_values_only() -> None:
    [one] = read(
        {"ts": int(at(4).timestamp() * 1000), "values": {"SOC": 40, "HEARTBEAT_STATUS": "OK"}}, device="bess-1"
    )
    assert (one.encoding, one.device, one.packet_id, one.seq) == (Encoding.FLAT, "bess-1", None, None)
    assert values(one) == {"SOC": (40, None, at(4)), "HEARTBEAT_STATUS": ("OK", None, at(4))}


def test_a_flat_packet_without_a_time_counts_from_its_arrival() -> None:
    [one] = read({"values": {"SOC": 40}}, device="bess-1")
    assert one.sent_at == ARRIVED
    assert [fault.text for fault in one.faults] == ["ts is missing"]


def test_a_list_may_mix_full_and_flat_packets_and_each_keeps_its_own_bytes() -> None:
    body = b'[{"deviceId":"a", "ts":0,"values":{}},  ' + json.dumps(packet(1, 0)).encode() + b"]"
    first, second = read_packets(body, Context(ARRIVED))
    assert first.body == b'{"deviceId":"a", "ts":0,"values":{}}'
    assert (first.packet.encoding, second.packet.encoding) == (Encoding.FLAT, Encoding.FULL)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b"[]", b"7", b'{"a":1}', b"[1]", b'{"values":{}}', b"[" * 9000]
)
def test_what_no_encoding_has_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read(body)


@played(paths=("/packets", "/ingest/v1"))
async def test_every_configured_path_takes_packets_with_the_device_behind_it_or_not(sender: Sender) -> None:
    flat = {"ts": 1_772_431_200_000, "values": {"SOC": 1}}
    answers = [
        await sender.post({**flat, "deviceId": "a"}),
        await sender.post(flat, "/packets/b"),
        await sender.post(flat, "/ingest/v1/urn:dev/c"),
        await sender.post(flat, "/elsewhere"),
    ]
    assert [answer.status for answer in answers] == [202, 202, 202, 404]
    assert [one["device"] for one in await sender.packets()] == ["urn:dev/c", "b", "a"]


@played()
async def test_headers_say_of_a_flat_packet_what_it_has_no_place_for(sender: Sender) -> None:
    labels = {"X-Packet-Id": "id-4", "X-Packet-Type": "BIRTH", "X-Packet-Seq": "4"}
    await sender.post({"ts": 1_772_431_200_000, "values": {"SOC": 1}}, "/packets/bess-1", **labels)
    await sender.post({"ts": 1_772_431_201_000, "values": {"SOC": 1}}, "/packets/bess-1", **{"X-Packet-Seq": "four"})
    after, first = (one["packet"] for one in await sender.packets())
    assert (first["packet_id"], first["type"], first["seq"]) == ("id-4", "BIRTH", 4)
    assert (after["seq"], [fault["kind"] for fault in after["faults"]]) == (None, ["schema"])


@played()
async def test_what_cannot_be_read_is_answered_with_a_problem_and_kept(sender: Sender) -> None:
    answer = await sender.post(b"\xff{", "/packets/bess-1")
    assert (answer.status, answer.body["title"]) == (400, "Unreadable packet")
    [kept] = await sender.packets("?device=bess-1")
    assert (kept["verdict"], kept["status"], kept["body"], kept["body_base64"]) == ("unreadable", 400, None, "/3s=")


@played()
async def test_a_fault_of_the_schema_is_a_finding_of_a_packet_that_is_accepted(sender: Sender) -> None:
    [outcome] = await sender.send(packet(0, 0, type="BIRTH", colour="red"))
    assert (outcome["verdict"], kinds(outcome)) == ("applied", ["schema"])
