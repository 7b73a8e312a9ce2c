"""SenML packs against RFC 8428."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.packets.packet import Measurement, Packet
from depot_sim.domain.packets.vocabulary import DeviceType, PacketType, Quality
from tests.domain.packets.profiles import changed, default_files, faults_of, profile_with

_PROFILE = profile_with(profile='{"name": "s", "version": "1", "encoder": "senml"}')
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*")


def _pack(*measurements: Measurement, device: str = "bess-1") -> list[dict[str, Any]]:
    packet = Packet(PacketType.EVENT, device, DeviceType.BESS, 7, "id", "s", "n", 1_764_068_400_123, measurements)
    pack: list[dict[str, Any]] = json.loads(_PROFILE.encode(packet))
    return pack


def _measurement(key: str, value: str, unit: str = "", **others: Any) -> Measurement:
    return Measurement(key, msgspec.Raw(value.encode()), unit, **others)


def test_numbers_words_and_flags_have_fields_of_their_own() -> None:
    told = [
        _measurement("SOC", "55.5", "%"),
        _measurement("SOH", "98", "%"),
        _measurement("ENERGY_AVAILABLE", "12.5", "kW.h"),
        _measurement("HEARTBEAT_STATUS", '"OK"'),
        _measurement("LIMIT_DER_EXPORT", "true"),
        _measurement("DISPATCH_SETPOINT", "null", "kW"),
        _measurement("ALARM_CODES", '["A","B"]'),
        _measurement("HEARTBEAT_COUNTER", "7", "1"),
    ]
    assert _pack(*told) == [
        {"bn": "bess-1/", "bt": 1764068400.123, "n": "SOC", "u": "%EL", "v": 55.5},
        {"n": "SOH", "u": "/100", "v": 98},
        {"n": "ENERGY_AVAILABLE", "u": "kWh", "v": 12.5},
        {"n": "HEARTBEAT_STATUS", "vs": "OK"},
        {"n": "LIMIT_DER_EXPORT", "vb": True},
        {"n": "DISPATCH_SETPOINT", "vs": "null"},
        {"n": "ALARM_CODES", "vs": "A;B"},
        {"n": "HEARTBEAT_COUNTER", "u": "count", "v": 7},
    ]


def test_a_unit_that_all_share_is_said_once() -> None:
    pack = _pack(_measurement("ACTIVE_POWER", "1", "kW"), _measurement("DISPATCH_SETPOINT", "-2.5", "kW"))
    assert [record.get("bu") for record in pack] == ["kW", None]
    assert not any("u" in record for record in pack)


def test_times_of_measuring_are_relative_to_that_of_sending() -> None:
    pack = _pack(
        _measurement("SOC", "1", "%", at=1_764_068_399_023), _measurement("SOH", "1", "%", at=1_764_068_400_123)
    )
    assert [record.get("t") for record in pack] == [-1.1, None]


def test_what_is_missing_is_left_out_and_a_pack_is_never_empty() -> None:
    pack = _pack(_measurement("SOC", "null", "%", quality=Quality.MISSING))
    assert pack == [{"bn": "bess-1/", "bt": 1764068400.123, "n": "PACKET_TYPE", "vs": "EVENT"}]


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.text(min_size=1, max_size=8, alphabet="aZ9 §%/")
)
def test_names_are_always_allowed_ones(key: str, device: str) -> None:
    (record,) = _pack(_measurement(key, "1"), device=f"d{device}")
    assert _NAME.fullmatch(record["bn"] + record["n"])


def test_the_base_fields_may_be_the_profiles_own() -> None:
    profile = profile_with(
        profile='{"name": "s", "version": "1", "encoder": "senml", "envelope": "base.json"}',
        base='{"bn": "urn:dev:{device_id}:", "bt": "{sent_at}", "seq": "{seq}"}',
    )
    packet = Packet(PacketType.DEATH, "d", DeviceType.BESS, 7, "id", "s", "n", 2_000)
    assert profile.encode(packet) == b'[{"bn":"urn:dev:d:","bt":2,"seq":7,"n":"PACKET_TYPE","vs":"DEATH"}]'
    assert profile.content_type == "application/senml+json"


def test_a_unit_without_a_name_at_iana_is_a_fault() -> None:
    files = changed("measurands.csv", "PV_POWER,der,number,kW", "PV_POWER,der,number,MW")
    files["profile.json"] = '{"name": "s", "version": "1", "encoder": "senml"}'
    (fault,) = faults_of(files)
    assert fault.found == "MW for PV_POWER"


@pytest.mark.parametrize("base", ['["{device_id}"]', '"{device_id}"'])
def test_base_fields_are_an_object(base: str) -> None:
    manifest = '{"name": "s", "version": "1", "encoder": "senml", "envelope": "base.json"}'
    (fault,) = faults_of({**default_files(), "profile.json": manifest, "base.json": base})
    assert fault.expected.startswith("an object")
