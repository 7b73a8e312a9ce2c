"""Spoilt bodies."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.interaction.effects import How, Malform
from depot_sim.domain.interaction.malforming import malformed

FORECAST = (
    b'{"group_id":"g","forecasted_blocks":['
    b'{"capacity":500.0,"start_time":"2026-04-02T10:00:00.000Z","end_time":"2026-04-02T10:15:00.000Z"},'
    b'{"capacity":300.0,"start_time":"2026-04-02T10:15:00.000Z","end_time":"2026-04-02T10:30:00.000Z"}]}'
)
BLOCKS = "/forecasted_blocks"


def spoilt(how: How, pointer: str = "", value: str = "", by_ms: int = 0) -> str:
    return malformed(FORECAST, Malform(how, pointer, value, by_ms)).decode()


@pytest.mark.parametrize("how", [How.EMPTY, How.NOT_JSON, How.TRUNCATED, How.DEEP])
def test_bodies_spoilt_as_a_whole_cannot_be_read(how: How) -> None:
    with pytest.raises((msgspec.DecodeError, RecursionError)):
        msgspec.json.decode(malformed(FORECAST, Malform(how)))


def test_fields_are_removed_added_retyped_and_replaced() -> None:
    assert "group_id" not in spoilt(How.REMOVED, "/group_id")
    assert json.loads(spoilt(How.ADDED))["unexpected_field"] == "unexpected"
    assert [block["capacity"] for block in json.loads(spoilt(How.RETYPED, f"{BLOCKS}/*/capacity"))[BLOCKS[1:]]] == [
        "text",
        "text",
    ]
    assert json.loads(spoilt(How.REPLACED, BLOCKS, "[]")) == {"group_id": "g", "forecasted_blocks": []}
    assert json.loads(spoilt(How.RETYPED, "/group_id"))["group_id"] == 0


@pytest.mark.parametrize(("body", "retyped"), [(b"[1]", b"{}"), (b"{}", b"[]"), (b'"a"', b"0"), (b"1", b'"text"')])
def test_a_value_becomes_one_of_another_type(body: bytes, retyped: bytes) -> None:
    assert malformed(body, Malform(How.RETYPED)) == retyped


def test_of_a_body_removed_as_a_whole_nothing_is_left() -> None:
    assert malformed(FORECAST, Malform(How.REMOVED)) == b""


def test_a_replaced_number_may_become_a_truth_value() -> None:
    assert malformed(b"[1]", Malform(How.REPLACED, "/0", "true")) == b"[true]"


def test_nan_is_written_bare() -> None:
    assert spoilt(How.NAN, f"{BLOCKS}/0/capacity").startswith(
        '{"group_id":"g","forecasted_blocks":[{"capacity":NaN,"start_time"'
    )


def test_what_is_not_touched_stays_as_it_was_written() -> None:
    assert '"capacity":500.0' in spoilt(How.REMOVED, "/group_id")


def test_lists_are_turned_around() -> None:
    blocks = json.loads(FORECAST)["forecasted_blocks"]

    assert json.loads(spoilt(How.REVERSED, BLOCKS))["forecasted_blocks"] == blocks[::-1]


def test_timestamps_lose_their_offset_gain_digits_or_move() -> None:
    assert '"2026-04-02 10:00:00"' in spoilt(How.NAIVE_TIMESTAMPS)
    assert '"2026-04-02T10:00:00.000123Z"' in spoilt(How.MICROSECOND_TIMESTAMPS)
    moved = json.loads(spoilt(How.SHIFTED_TIMESTAMPS, f"{BLOCKS}/*/start_time", by_ms=-60_000))["forecasted_blocks"]
    assert [block["start_time"] for block in moved] == ["2026-04-02T09:59:00.000Z", "2026-04-02T10:14:00.000Z"]
    assert moved[0]["end_time"] == "2026-04-02T10:15:00.000Z"


@pytest.mark.parametrize("how", [How.REMOVED, How.RETYPED, How.REVERSED, How.NAN])
def test_where_nothing_is_nothing_changes(how: How) -> None:
    assert malformed(FORECAST, Malform(how, "/nowhere")) == FORECAST


@given(st.binary(max_size=50), st.sampled_from(How))
def test_any_body_can_be_put_through_any_of_them(body: bytes, how: How) -> None:
    assert isinstance(malformed(body, Malform(how, "", "0", 5)), bytes)
