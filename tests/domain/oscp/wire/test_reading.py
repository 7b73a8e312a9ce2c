"""Bodies read: clean ones at once, odd ones with every oddity at its place."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.oscp.findings import Kind
from depot_sim.domain.oscp.profiles import BETTERFLEET_VECTOR, STANDARD_TOLERANCE, derived
from depot_sim.domain.oscp.vocabulary import MeasurementConfiguration, MessageType
from depot_sim.domain.oscp.wire.lenient import read_leniently
from depot_sim.domain.oscp.wire.messages import Handshake, HandshakeAcknowledge, Heartbeat, Message, RequiredBehaviour
from depot_sim.domain.oscp.wire.notes import STANDARD_FORMS, Notes
from depot_sim.domain.oscp.wire.reading import Reading, read
from depot_sim.domain.oscp.wire.strict import read_clean
from depot_sim.domain.oscp.wire.writing import write
from tests.domain.oscp.bodies import CLEAN, HEARTBEAT, typed_messages

MOST = 100

LENIENT = derived(BETTERFLEET_VECTOR, {"tolerated": sorted(STANDARD_FORMS)})
STRICT = derived(BETTERFLEET_VECTOR, {"tolerated": []})
AT = 1_775_124_900_000
INTERMITTENT = (MeasurementConfiguration.INTERMITTENT,)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
encode = msgspec.json.Encoder(decimal_format="number").encode


def edited(type: MessageType, pointer: str, value: Any) -> bytes:
    """The type's clean body with one value put at a pointer."""
    document = msgspec.json.decode(CLEAN[type])
    *path, last = pointer.removeprefix("/").split("/")
    target: Any = document
    for token in path:
        target = target[int(token) if isinstance(target, list) else token]
    target[int(last) if isinstance(target, list) else last] = value
    return encode(document)


def places(reading: Reading) -> list[tuple[str, str]]:
    return [(finding.rule, finding.pointer) for finding in reading.findings]


def deviations(reading: Reading) -> list[tuple[str, str]]:
    return [(deviation.name, deviation.pointer) for deviation in reading.deviations]


@pytest.mark.parametrize("type", MessageType)
def test_a_body_in_the_standard_s_form_is_read_without_remark(type: MessageType) -> None:
    reading = read(type, CLEAN[type], STRICT)
    assert reading == Reading(read_clean(type, CLEAN[type]))


@given(typed_messages)
def test_both_ways_in_read_a_clean_body_alike(typed: tuple[MessageType, Message]) -> None:
    type, message = typed
    body = write(message, type, BETTERFLEET_VECTOR)
    notes = Notes(frozenset())
    assert read_leniently(type, body, notes) == read(type, body, STRICT).message == message
    assert (notes.findings, notes.deviations) == ([], [])


@given(st.sampled_from(MessageType), st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_without_an_error(type: MessageType, body: bytes) -> None:
    reading = read(type, body, BETTERFLEET_VECTOR)
    assert reading.message is not None or reading.findings


@given(st.sampled_from(MessageType), st.data())
def test_any_json_in_any_place_is_read_or_refused_with_its_place(type: MessageType, data: st.DataObject) -> None:
    """A body that is right but for one value gets a finding there, or is read."""
    document = msgspec.json.decode(CLEAN[type])
    spoilt, pointer = _spoil(document, data)
    reading = read(type, encode(spoilt), LENIENT)
    if reading.message is None:
        assert reading.findings
        assert all(finding.pointer.startswith(pointer) for finding in reading.findings)
        assert {finding.kind for finding in reading.findings} <= {Kind.SCHEMA, Kind.MALFORMED}


def _spoil(document: Any, data: st.DataObject) -> tuple[Any, str]:
    if isinstance(document, dict | list) and document and data.draw(st.booleans()):
        keys = sorted(document) if isinstance(document, dict) else list(range(len(document)))
        key = data.draw(st.sampled_from(keys))
        inner, pointer = _spoil(document[key], data)
        document[key] = inner
        return document, f"/{key}{pointer}"
    return data.draw(json_values), ""


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"", "body.not-json"),
        (b"offline", "body.not-json"),
        (b'{"offline_mode_at":NaN}', "body.not-json"),
        (b'\xef\xbb\xbf{"offline_mode_at":"2026-04-02T10:15:00Z"}', "body.not-json"),
        (b'{"offline_mode_at":"\\ud800"}', "body.not-json"),
        (b'{"offline_mode_at":"\xff"}', "body.not-utf-8"),
        (b"[" * 100_000, "body.too-deep"),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "body.too-deep"),
        (b"[]", "body.not-an-object"),
        (b'"2026-04-02T10:15:00Z"', "body.not-an-object"),
    ],
)
def test_a_body_that_is_no_json_object_is_malformed(body: bytes, rule: str) -> None:
    reading = read(MessageType.HEARTBEAT, body, LENIENT)
    assert reading.message is None
    assert [(finding.rule, finding.kind) for finding in reading.findings] == [(rule, Kind.MALFORMED)]


@pytest.mark.parametrize(
    ("type", "message"),
    [(MessageType.HANDSHAKE, Handshake()), (MessageType.HANDSHAKE_ACKNOWLEDGE, HandshakeAcknowledge())],
)
@pytest.mark.parametrize("body", [b"", b"{}"])
def test_a_handshake_need_not_say_anything(type: MessageType, message: Message, body: bytes) -> None:
    assert read(type, body, STRICT) == Reading(message)


@pytest.mark.parametrize(
    ("type", "pointer", "value", "deviation"),
    [
        (MessageType.HEARTBEAT, "/offline_mode_at", "2026-04-02 10:15:00Z", "space-for-t"),
        (MessageType.HEARTBEAT, "/offline_mode_at", "2026-04-02T10:15:00", "naive-time"),
        (MessageType.HEARTBEAT, "/offline_mode_at", "2026-04-02T10:15:00.000000Z", "fraction-digits"),
        (MessageType.HEARTBEAT, "/sent_by", "FP", "unknown-field"),
        (MessageType.HANDSHAKE, "/required_behaviour", None, "null-field"),
        (MessageType.HANDSHAKE, "/required_behaviour/heartbeat_interval", 2.5, "fractional-interval"),
        (MessageType.HANDSHAKE, "/required_behaviour/heartbeat_interval", 0, "zero-interval"),
        (MessageType.ADJUST_GROUP_CAPACITY_FORECAST, "/forecasted_blocks/0/capacity", "500", "number-as-string"),
        (MessageType.ADJUST_GROUP_CAPACITY_FORECAST, "/forecasted_blocks/0/unit", "kW", "enum-case"),
    ],
)
def test_a_deviation_is_noted_when_tolerated_and_a_finding_when_not(
    type: MessageType, pointer: str, value: object, deviation: str
) -> None:
    """Either way the message is there for the other rules."""
    body = edited(type, pointer, value)
    tolerant, strict = read(type, body, LENIENT), read(type, body, STRICT)
    assert deviations(tolerant) == [(deviation, pointer)]
    assert tolerant.findings == ()
    assert places(strict) == [(f"deviation.{deviation}", pointer)]
    assert strict.message == tolerant.message is not None


def test_the_heartbeat_as_the_design_prints_it_is_read() -> None:
    reading = read(MessageType.HEARTBEAT, b'{"offlineModeAt": "2026-04-02T10:15:00Z"}', BETTERFLEET_VECTOR)
    assert reading.message == Heartbeat(AT)
    assert deviations(reading) == [("camel-case", "/offlineModeAt")]


def test_of_a_field_in_both_spellings_the_standard_s_counts() -> None:
    body = HEARTBEAT.removesuffix(b"}") + b',"offlineModeAt":"2030-01-01T00:00:00Z"}'
    reading = read(MessageType.HEARTBEAT, body, BETTERFLEET_VECTOR)
    assert reading.message == Heartbeat(AT)
    assert deviations(reading) == [("unknown-field", "/offlineModeAt")]


@pytest.mark.parametrize(
    ("body", "interval_ms", "configuration", "named"),
    [
        (
            b'{"heartbeat_interval":5,"measurement_configuration":["INTERMITTENT"]}',
            5_000,
            INTERMITTENT,
            {"flat-behaviour"},
        ),
        (b'{"heartbeatInterval":5}', 5_000, (), {"flat-behaviour", "camel-case", "measurement-configuration-missing"}),
        (b'{"required_behaviour":{}}', None, (), {"measurement-configuration-missing"}),
        (b'{"required_behaviour":{"heartbeat_interval":7}}', 7_000, (), {"measurement-configuration-missing"}),
        (b'{"requiredBehaviour":{"measurementConfiguration":[]}}', None, (), {"camel-case"}),
        (
            b'{"required_behaviour":{"measurement_configuration":["INTERMITTENT","INTERMITTENT"]}}',
            None,
            INTERMITTENT,
            {"repeated-item"},
        ),
    ],
)
def test_an_acknowledgement_is_read_however_its_behaviour_is_written(
    body: bytes, interval_ms: int | None, configuration: tuple[MeasurementConfiguration, ...], named: set[str]
) -> None:
    reading = read(MessageType.HANDSHAKE_ACKNOWLEDGE, body, LENIENT)
    assert reading.message == HandshakeAcknowledge(RequiredBehaviour(interval_ms, configuration))
    assert {deviation.name for deviation in reading.deviations} == named


@pytest.mark.parametrize(
    ("type", "pointer", "value", "rule"),
    [
        (MessageType.HEARTBEAT, "/offline_mode_at", "soon", "schema.instant"),
        (MessageType.HEARTBEAT, "/offline_mode_at", 1_775_124_900, "schema.instant"),
        (MessageType.HANDSHAKE, "/required_behaviour", [], "schema.type"),
        (MessageType.HANDSHAKE, "/required_behaviour/heartbeat_interval", -5, "schema.interval"),
        (MessageType.HANDSHAKE, "/required_behaviour/heartbeat_interval", 0.5, "schema.interval"),
        (MessageType.HANDSHAKE, "/required_behaviour/heartbeat_interval", 10**10, "schema.interval"),
        (MessageType.HANDSHAKE, "/required_behaviour/measurement_configuration/0", "SOMETIMES", "schema.enum"),
        (MessageType.HANDSHAKE, "/required_behaviour/measurement_configuration", "CONTINUOUS", "schema.type"),
        (MessageType.ADJUST_GROUP_CAPACITY_FORECAST, "/group_id", 7, "schema.type"),
        (MessageType.ADJUST_GROUP_CAPACITY_FORECAST, "/type", "ANYTHING", "schema.enum"),
        (MessageType.ADJUST_GROUP_CAPACITY_FORECAST, "/forecasted_blocks", [], "schema.empty"),
        (MessageType.ADJUST_GROUP_CAPACITY_FORECAST, "/forecasted_blocks/0", None, "schema.type"),
        (MessageType.ADJUST_GROUP_CAPACITY_FORECAST, "/forecasted_blocks/0/capacity", -1, "schema.minimum"),
        (MessageType.ADJUST_GROUP_CAPACITY_FORECAST, "/forecasted_blocks/0/capacity", True, "schema.type"),
        (MessageType.ADJUST_GROUP_CAPACITY_FORECAST, "/forecasted_blocks/0/capacity", 10**13, "schema.too-large"),
        (MessageType.ADJUST_GROUP_CAPACITY_FORECAST, "/forecasted_blocks/0/unit", "MW", "schema.enum"),
        (MessageType.UPDATE_GROUP_MEASUREMENTS, "/measurements", [], "schema.empty"),
        (MessageType.UPDATE_GROUP_MEASUREMENTS, "/measurements/0/unit", "KW", "schema.enum"),
        (MessageType.UPDATE_ASSET_MEASUREMENTS, "/measurements/0/asset_category", "SOLAR", "schema.enum"),
        (MessageType.GROUP_CAPACITY_COMPLIANCE_ERROR, "/forecasted_blocks", [], "schema.empty"),
        (MessageType.REGISTER, "/version_url", [], "schema.empty"),
    ],
)
def test_a_value_that_cannot_be_is_a_finding_at_its_place(
    type: MessageType, pointer: str, value: object, rule: str
) -> None:
    reading = read(type, edited(type, pointer, value), LENIENT)
    assert reading.message is None
    assert places(reading) == [(rule, pointer)]


@pytest.mark.parametrize("number", [b"1e400", b"1e99999999999999999999", b"-1e99999999999999999999"])
def test_a_number_beyond_all_numbers_is_a_finding(number: bytes) -> None:
    body = CLEAN[MessageType.ADJUST_GROUP_CAPACITY_FORECAST].replace(b"500.0", number)
    reading = read(MessageType.ADJUST_GROUP_CAPACITY_FORECAST, body, LENIENT)
    assert places(reading) == [("schema.too-large", "/forecasted_blocks/0/capacity")]


def test_an_integer_of_thousands_of_digits_is_a_finding() -> None:
    body = CLEAN[MessageType.ADJUST_GROUP_CAPACITY_FORECAST].replace(b"500.0", b"5" * 10_000)
    reading = read(MessageType.ADJUST_GROUP_CAPACITY_FORECAST, body, LENIENT)
    assert [finding.rule for finding in reading.findings] == ["schema.too-large"]


def test_every_fault_of_a_body_is_told() -> None:
    body = b'{"type":"NONE","forecasted_blocks":[{"capacity":-1,"unit":"KW"},7],"colour":"blue"}'
    reading = read(MessageType.ADJUST_GROUP_CAPACITY_FORECAST, body, STRICT)
    assert places(reading) == [
        ("deviation.unknown-field", "/colour"),
        ("schema.missing", "/group_id"),
        ("schema.enum", "/type"),
        ("schema.minimum", "/forecasted_blocks/0/capacity"),
        ("schema.missing", "/forecasted_blocks/0/phase"),
        ("schema.missing", "/forecasted_blocks/0/start_time"),
        ("schema.missing", "/forecasted_blocks/0/end_time"),
        ("schema.type", "/forecasted_blocks/1"),
    ]


def test_a_hostile_body_cannot_make_a_ledger_entry_larger_than_itself() -> None:
    faulty = encode({"group_id": "g", "measurements": [0] * 2_000})
    talkative = encode({"offline_mode_at": "2026-04-02T10:15:00Z"} | {f"field-{n}": n for n in range(2_000)})
    assert len(read(MessageType.UPDATE_GROUP_MEASUREMENTS, faulty, LENIENT).findings) == MOST
    assert len(read(MessageType.HEARTBEAT, talkative, LENIENT).deviations) == MOST
    assert len(read(MessageType.HEARTBEAT, talkative, STRICT).findings) == MOST


def test_no_finding_repeats_a_token() -> None:
    reading = read(MessageType.REGISTER, b'{"token":["a-secret"],"version_url":[]}', LENIENT)
    assert "a-secret" not in repr(reading.findings)


def test_the_standard_tolerance_names_deviations_that_exist() -> None:
    assert set(STANDARD_FORMS) >= STANDARD_TOLERANCE
