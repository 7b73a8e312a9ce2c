"""Templates filled: other keys, casing and structure by files alone; the quick path gives the plain one's bytes."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.packets.contract.profile import PacketProfile, read_profile
from depot_sim.domain.packets.encoders import quick
from depot_sim.domain.packets.encoders.envelope import EnvelopeEncoder
from depot_sim.domain.packets.packet import Measurement, Packet
from depot_sim.domain.packets.vocabulary import DeviceType, PacketType, Quality
from tests.domain.packets.profiles import DEFAULT, default_files, profile_with

_SCHEMA = jsonschema_rs.validator_for(json.loads((DEFAULT / "packet.schema.json").read_text()), validate_formats=True)
_PROFILE = read_profile(default_files())
_FLAT = '{"name": "f", "version": "1", "encoder": "flat", "timestamps": "unix_ms"}'
_OTHER_ENVELOPES = (
    '{"ts": "{sent_at}", "values": {"{key}": "{value}"}}',
    '{"a": [{"k": "{key}", "v": "{value}"}], "n": "{seq}", "id": "{packet_id}"}',
    '{"b": {"n": "{seq}"}, "x{key}/{unit}": {"v?": "{value}", "q": "{quality}", "t": "{at}"}, "t": "{sent_at}"}',
    '[{"s": "{scope_id} of {site_id}", "fixed": [1.50, null, true], "m?": [{"{key}": "{value}"}]}]',
    '{"keys": ["{key}"], "values": ["{value}"], "when": "at {sent_at}, no. {seq}"}',
    '{"m": [{"of": "{device_id}", "k": "{key}", "v": "{value}", "p": "{packet_id}"}], "u?": "{scope_id}"}',
)

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_values = st.one_of(
    st.integers(-(10**12), 10**12).map(lambda digits: f"{digits}.5"),
    _texts.map(lambda text: msgspec.json.encode(text).decode()),
    st.sampled_from(["null", "true", "false", "[]", '["A","B"]', "0"]),
)
_measurements = st.builds(
    Measurement,
    key=st.sampled_from(["SOC", "ACTIVE_POWER", "ALARM_CODES"]) | _texts,
    value=_values.map(msgspec.Raw),
    unit=st.sampled_from(["", "kW", "%"]),
    quality=st.sampled_from([Quality.OK, Quality.OK, Quality.OK, *Quality]),
    at=st.none() | st.integers(0, 4_102_444_800_000),
)
_packets = st.builds(
    Packet,
    type=st.sampled_from(PacketType),
    device_id=st.sampled_from(["a", "b"]) | _texts,
    device_type=st.sampled_from(DeviceType),
    seq=st.integers(0, 2**53),
    packet_id=st.uuids().map(str) | _texts,
    site_id=st.sampled_from(["site"]) | _texts,
    scope_id=st.sampled_from(["site", ""]),
    sent_at=st.integers(0, 4_102_444_800_000),
    measurements=st.lists(_measurements, max_size=5).map(tuple),
)


def _encoder(profile: PacketProfile) -> EnvelopeEncoder:
    """One that has kept nothing yet."""
    encoder = getattr(profile.encode, "__self__", None)
    assert isinstance(encoder, EnvelopeEncoder)
    return EnvelopeEncoder(encoder._template, encoder._wording)


def _sample(*measurements: Measurement, **changes: Any) -> Packet:
    packet = Packet(PacketType.TELEMETRY, "d-1", DeviceType.BESS, 7, "id", "s", "n", 1_764_068_400_123, measurements)
    return msgspec.structs.replace(packet, **changes)


_SOC = Measurement("SOC", msgspec.Raw(b"55.5"), "%")


@given(_packets)
def test_the_default_envelope_holds_the_whole_packet_and_keeps_the_schema(packet: Packet) -> None:
    body = msgspec.json.decode(_PROFILE.encode(packet))
    _SCHEMA.validate(body)
    named = ("packetId", "seq", "siteId", "scopeId", "deviceId", "deviceType", "type", "profile")
    held = (packet.packet_id, packet.seq, packet.site_id, packet.scope_id, packet.device_id)
    assert tuple(body[name] for name in named) == (*held, packet.device_type, packet.type, "default/1")
    for sent, measurement in zip(body["measurements"], packet.measurements, strict=True):
        assert sent["key"] == measurement.key
        assert sent["value"] == msgspec.json.decode(measurement.value)
        assert sent["quality"] == measurement.quality
        assert sent.get("unit", "") == measurement.unit
        assert ("at" in sent) == (measurement.at is not None)


@given(st.lists(_packets, max_size=6))
def test_the_quick_path_gives_the_bytes_of_rendering_whatever_came_before(packets: list[Packet]) -> None:
    encoder = _encoder(_PROFILE)
    for packet in [*packets, *packets]:
        assert encoder.encode(packet) == encoder.render(packet)


@given(
    st.sampled_from([profile_with(envelope=envelope) for envelope in _OTHER_ENVELOPES]), st.lists(_packets, max_size=3)
)
def test_every_template_gives_json_and_the_same_by_both_ways(profile: PacketProfile, packets: list[Packet]) -> None:
    encoder = _encoder(profile)
    for packet in packets:
        body = encoder.encode(packet)
        assert body == encoder.render(packet)
        msgspec.json.decode(body)


def test_what_is_kept_is_bounded_and_begun_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quick, "MOST_KEPT", 10)
    encoder = _encoder(read_profile(default_files()))
    for number in range(100):
        packet = _sample(msgspec.structs.replace(_SOC, key=f"K{number}"), device_id=f"d-{number}")
        assert encoder.encode(packet) == encoder.render(packet)


def test_decimals_are_sent_to_the_digit() -> None:
    exact = Measurement("ENERGY_IMPORT", msgspec.Raw(b"123456789012345678.001"), "kW.h")
    assert b'"value":123456789012345678.001,' in _PROFILE.encode(_sample(exact))


def test_a_template_of_other_structure_is_filled() -> None:
    envelope = """{"Meta": {"Device": "bus-{device_id}", "No": "{seq}", "When": "{sent_at}", "v": 1.50},
                   "readings": {"{key}": {"val": "{value}", "uom?": "{unit}"}}, "note?": "{scope_id}"}"""
    profile = profile_with(envelope=envelope)
    assert profile.encode(_sample(_SOC, Measurement("A", msgspec.Raw(b"null")), scope_id="")) == (
        b'{"Meta":{"Device":"bus-d-1","No":7,"When":"2025-11-25T11:00:00.123Z","v":1.50},'
        b'"readings":{"SOC":{"val":55.5,"uom":"%"},"A":{"val":null}}}'
    )


def test_empty_optional_members_are_left_out_and_others_are_not() -> None:
    profile = profile_with(envelope='{"m?": [{"k": "{key}", "v?": "{value}", "u": "{unit}", "t?": "{at}"}]}')
    assert profile.encode(_sample()) == b"{}"
    null, timed = Measurement("A", msgspec.Raw(b"null")), msgspec.structs.replace(_SOC, at=0)
    expected = b'{"m":[{"k":"A","u":""},{"k":"SOC","v":55.5,"u":"%","t":"1970-01-01T00:00:00.000Z"}]}'
    assert profile.encode(_sample(null, timed)) == expected


def test_a_time_of_measuring_that_has_to_be_said_is_that_of_sending() -> None:
    profile = profile_with(envelope='{"m": [{"k": "{key}", "v": "{value}", "t": "{at}"}]}')
    assert profile.encode(_sample(_SOC)) == b'{"m":[{"k":"SOC","v":55.5,"t":"2025-11-25T11:00:00.123Z"}]}'


@pytest.mark.parametrize(
    ("style", "written"),
    [
        ("milliseconds", '"2025-11-25T11:00:00.123Z"'),
        ("seconds", '"2025-11-25T11:00:00Z"'),
        ("unix_ms", "1764068400123"),
        ("unix_s", "1764068400"),
    ],
)
def test_times_are_written_as_the_profile_says(style: str, written: str) -> None:
    manifest = f'{{"name": "p", "version": "1", "envelope": "envelope.json", "timestamps": "{style}"}}'
    profile = profile_with(profile=manifest, envelope='{"t": "{sent_at}", "m": {"{key}": "{value}"}}')
    assert profile.encode(_sample(_SOC)) == f'{{"t":{written},"m":{{"SOC":55.5}}}}'.encode()


def test_flat_is_a_time_and_values() -> None:
    assert profile_with(profile=_FLAT).encode(_sample(_SOC)) == b'{"ts":1764068400123,"values":{"SOC":55.5}}'


def test_words_of_the_envelope_are_the_profiles_own() -> None:
    words = [f"packet_type,{word},{word.lower()}" for word in PacketType]
    words += [f"quality,{word},{place}" for place, word in enumerate(Quality)]
    enums = "\n".join(["source,word,sent", *words])
    profile = profile_with(enums=enums, envelope='{"t": "{type}", "m": [{"{key}": "{value}", "q": "{quality}"}]}')
    assert profile.encode(_sample(_SOC)) == b'{"t":"telemetry","m":[{"SOC":55.5,"q":"0"}]}'


@pytest.mark.parametrize("profile", [_PROFILE, profile_with(profile=_FLAT)], ids=lambda profile: profile.encoder)
def test_packets_with_measurements_take_the_quick_path(profile: PacketProfile) -> None:
    path = _encoder(profile)._quick
    assert path is not None
    assert path.encode(_sample(_SOC)) == profile.encode(_sample(_SOC))
    late = msgspec.structs.replace(_SOC, quality=Quality.BAD, at=5)
    assert path.encode(_sample(_SOC, late)) == _encoder(profile).render(_sample(_SOC, late))
    assert path.encode(_sample()) is None
