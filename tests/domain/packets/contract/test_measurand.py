"""What a measurand makes of a value of the world."""

from __future__ import annotations

from functools import cache

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.packets.contract.measurand import Measurand, WorldValue
from depot_sim.domain.packets.contract.profile import read_profile
from depot_sim.domain.packets.vocabulary import Quality
from tests.domain.packets.profiles import changed, default_files

_KEYS = read_profile(default_files()).measurands


def _sent(key: str, value: WorldValue, quality: Quality = Quality.OK) -> tuple[str, Quality]:
    measurement = _KEYS[key].measurement("SENT", value, quality)
    assert measurement.key == "SENT"
    return bytes(measurement.value).decode(), measurement.quality


@pytest.mark.parametrize(
    ("key", "value", "json"),
    [
        ("ACTIVE_POWER", -12_345, "-12.3"),
        ("SOC", 555_499, "55.5"),
        ("DISPATCH_STATE", "ACTIVE", '"ACTIVE"'),
        ("LIMIT_DER_EXPORT", None, "null"),
        ("ALARM_CODES", ("A", "B"), '["A","B"]'),
        ("ALARM_CODES", (), "[]"),
        ("HEARTBEAT_COUNTER", 65_535, "65535"),
    ],
)
def test_values_are_sent_in_the_units_and_words_of_the_table(key: str, value: WorldValue, json: str) -> None:
    assert _sent(key, value) == (json, Quality.OK)


def test_a_value_out_of_range_stops_at_the_bound_and_is_bad() -> None:
    assert _sent("SOC", 1_200_000) == ("100", Quality.BAD)
    assert _sent("SOC", 1_000_000, Quality.ESTIMATED) == ("100", Quality.ESTIMATED)


def test_a_flag_says_whether_there_is_a_value() -> None:
    for files in (
        changed("profile.json", '"encoder"', '"as_flag": ["LIMIT_DER_EXPORT"], "encoder"'),
        changed(
            "measurands.csv",
            "LIMIT_DER_EXPORT,site|der,number,kW,0,100000,0.1",
            "LIMIT_DER_EXPORT,site|der,boolean,,,,",
        ),
    ):
        limit = read_profile(files).measurands["LIMIT_DER_EXPORT"]
        sent = [bytes(limit.measurement("K", value).value) for value in (None, 0, 5_000)]
        assert sent == [b"false", b"true", b"true"]
        assert limit.unit == ""
        assert [limit.changed(*pair) for pair in ((None, 0), (0, 5_000))] == [True, False]


def test_words_are_sent_as_the_enum_table_says() -> None:
    rows = "\n".join(f"HEARTBEAT_STATUS,{word},{sent}" for word, sent in _LINKS.items())
    files = {**default_files(), "enums.csv": f"source,word,sent\n{rows}\n"}
    assert bytes(read_profile(files).measurands["HEARTBEAT_STATUS"].measurement("K", "LOST").value) == b'"2"'
    files["measurands.csv"] = files["measurands.csv"].replace(
        "|der,enum,,,,,30,yes,link", "|der,integer,,,,,30,yes,link"
    )
    assert bytes(read_profile(files).measurands["HEARTBEAT_STATUS"].measurement("K", "LOST").value) == b"2"


_LINKS = {"OK": "0", "LATE": "1", "LOST": "2", "NEVER": "3"}


def test_power_may_be_sent_in_amperes_of_a_phase() -> None:
    files = changed(
        "measurands.csv",
        "AVAILABLE_CHARGING_CAPACITY,site|scope,number,kW",
        "AVAILABLE_CHARGING_CAPACITY,site|scope,number,A",
    )
    files["profile.json"] = files["profile.json"].replace('"encoder"', '"volts_per_phase": 230, "encoder"')
    capacity = read_profile(files).measurands["AVAILABLE_CHARGING_CAPACITY"]
    sent = capacity.measurement("K", 69_000)
    assert (bytes(sent.value), sent.unit) == (b"100", "A")


def test_a_birth_declares_range_words_and_cadence() -> None:
    said = {key: msgspec.json.decode(_KEYS[key].birth(key).value) for key in ("SOC", "HEARTBEAT_STATUS", "ALARM_CODES")}
    assert said == {
        "SOC": ["min 0", "max 100", "resolution 0.1", "cadence 30 s"],
        "HEARTBEAT_STATUS": ["OK", "LATE", "LOST", "NEVER", "cadence 30 s", "on change"],
        "ALARM_CODES": ["on change"],
    }


@given(st.integers(-(10**8), 10**8), st.integers(-(10**4), 10**4))
def test_a_number_has_changed_when_what_is_sent_has_and_by_the_deadband(value: int, move: int) -> None:
    power = _KEYS["ACTIVE_POWER"]
    told = power.measurement("K", value) != power.measurement("K", value + move)
    assert power.changed(value, value + move) == told
    assert _with_deadband().changed(value, value + move) == (told and abs(move) >= 2_500)


@cache
def _with_deadband() -> Measurand:
    header, *rows = default_files()["measurands.csv"].splitlines()
    lines = [f"{header},deadband", *(f"{row},{'2.5' if row.startswith('ACTIVE_POWER,') else ''}" for row in rows)]
    return read_profile({**default_files(), "measurands.csv": "\n".join(lines)}).measurands["ACTIVE_POWER"]


def test_words_and_nothing_change_when_they_differ() -> None:
    state = _KEYS["DISPATCH_STATE"]
    assert state.changed("NONE", "ACTIVE")
    assert not state.changed("NONE", "NONE")
    assert _KEYS["LIMIT_DER_EXPORT"].changed(None, 0)
