"""Messages written for a partner are read back the same."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.oscp.profiles import BETTERFLEET_VECTOR, derived
from depot_sim.domain.oscp.vocabulary import ForecastType, MeasurementConfiguration, MessageType
from depot_sim.domain.oscp.wire.messages import (
    Block,
    CapacityForecast,
    ComplianceError,
    Handshake,
    Heartbeat,
    Message,
    RequiredBehaviour,
)
from depot_sim.domain.oscp.wire.notes import STANDARD_FORMS
from depot_sim.domain.oscp.wire.reading import Reading, read
from depot_sim.domain.oscp.wire.writing import write
from tests.domain.oscp.bodies import behaviours, typed_messages

FLAT = derived(BETTERFLEET_VECTOR, {"nested_behaviour": False})
NAIVE = derived(BETTERFLEET_VECTOR, {"timestamps": "naive", "tolerated": sorted(STANDARD_FORMS)})
AT = 1_775_124_000_000


@given(typed_messages)
def test_what_is_written_is_read_back_without_remark(typed: tuple[MessageType, Message]) -> None:
    type, message = typed
    assert read(type, write(message, type, BETTERFLEET_VECTOR), BETTERFLEET_VECTOR) == Reading(message)


@given(behaviours)
def test_a_flat_behaviour_says_the_same(asked: RequiredBehaviour) -> None:
    reading = read(MessageType.HANDSHAKE, write(Handshake(asked), MessageType.HANDSHAKE, FLAT), FLAT)
    assert reading.message == Handshake(asked)
    assert "flat-behaviour" in [deviation.name for deviation in reading.deviations]


@given(st.integers(0, 253_402_300_799))
def test_a_naive_time_comes_back_to_the_second(second: int) -> None:
    body = write(Heartbeat(second * 1_000 + 7), MessageType.HEARTBEAT, NAIVE)
    assert read(MessageType.HEARTBEAT, body, NAIVE).message == Heartbeat(second * 1_000)


def test_a_forecast_is_written_as_the_design_prints_it() -> None:
    forecast = CapacityForecast("group-1", ForecastType.CONSUMPTION, (Block(AT, AT + 900_000, 500_000),))
    profile = derived(BETTERFLEET_VECTOR, {"timestamps": "seconds"})
    assert write(forecast, MessageType.UPDATE_GROUP_CAPACITY_FORECAST, profile) == (
        b'{"group_id":"group-1","type":"CONSUMPTION","forecasted_blocks":[{"capacity":500.0,"phase":"ALL","unit":"KW",'
        b'"start_time":"2026-04-02T10:00:00Z","end_time":"2026-04-02T10:15:00Z"}]}'
    )


@pytest.mark.parametrize(("interval_ms", "written"), [(5_000, b"5"), (2_500, b"2.5"), (None, None)])
def test_an_interval_is_a_whole_number_of_seconds_when_it_can_be(
    interval_ms: int | None, written: bytes | None
) -> None:
    asked = RequiredBehaviour(interval_ms, (MeasurementConfiguration.CONTINUOUS,))
    body = write(Handshake(asked), MessageType.HANDSHAKE, BETTERFLEET_VECTOR)
    behaviour = msgspec.json.decode(body, type=dict[str, dict[str, msgspec.Raw]])["required_behaviour"]
    assert behaviour.get("heartbeat_interval") == (None if written is None else msgspec.Raw(written))


def test_a_compliance_error_without_blocks_has_no_list_of_them() -> None:
    body = write(ComplianceError("no power"), MessageType.GROUP_CAPACITY_COMPLIANCE_ERROR, BETTERFLEET_VECTOR)
    assert body == b'{"message":"no power"}'


def test_a_message_of_another_type_is_not_written() -> None:
    with pytest.raises(AssertionError, match="another shape"):
        write(Heartbeat(AT), MessageType.HANDSHAKE, BETTERFLEET_VECTOR)


def test_times_are_written_with_three_digits_of_a_second() -> None:
    written = write(Heartbeat(AT), MessageType.HEARTBEAT, BETTERFLEET_VECTOR)
    assert written == b'{"offline_mode_at":"2026-04-02T10:00:00.000Z"}'
    assert read(MessageType.HEARTBEAT, written, BETTERFLEET_VECTOR) == Reading(Heartbeat(AT))
