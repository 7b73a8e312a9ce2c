"""Instants read in every form partners send, and written in the form they take."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.oscp.profile import TimestampStyle
from depot_sim.domain.oscp.wire.times import format_instant, parse_instant

TEN = 1_775_124_000_000
"""2026-04-02T10:00:00Z"""
instants = st.integers(-62_135_596_800_000, 253_402_300_799_999)


@pytest.mark.parametrize(
    ("text", "at", "deviations"),
    [
        ("2026-04-02T10:00:00Z", TEN, ()),
        ("2026-04-02T10:00:00.250Z", TEN + 250, ()),
        ("2026-04-02T20:00:00+10:00", TEN, ()),
        ("2026-04-02T06:30:00.000-03:30", TEN, ()),
        ("2026-04-02t10:00:00z", TEN, ()),
        ("2026-04-02T09:59:60Z", TEN, ()),
        ("2026-04-02T10:00:00.1Z", TEN + 100, ("fraction-digits",)),
        ("2026-04-02 10:00:00Z", TEN, ("space-for-t",)),
        ("2026-04-02T10:00:00", TEN, ("naive-time",)),
        ("2026-04-02 10:00:00", TEN, ("space-for-t", "naive-time")),
        ("2026-04-02T18:00:00+0800", TEN, ("offset-form",)),
        ("2026-04-02T18:00:00+08", TEN, ("offset-form",)),
        ("2026-04-02T10:00Z", TEN, ("seconds-missing",)),
    ],
)
def test_forms_that_partners_use_are_read_and_named(text: str, at: int, deviations: tuple[str, ...]) -> None:
    assert parse_instant(text) == (at, deviations)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tomorrow",
        "2026-04-02",
        "2026-02-30T10:00:00Z",
        "2026-02-30T10:00:00.0Z",
        "2026-04-02T24:00:00Z",
        "2026-04-02T10:00:00.Z",
        "2026-04-02T10:00:00,000Z",
        "2026-04-02T10:00:00.0000000000Z",
        "2026-04-02T10:00:00+08:",
        "2026-04-02T10:00:00+24:00",
        "2026-W14-4T10:00:00.000Z",
        "20260402T100000Z",
        "\uff12026-04-02T10:00:00Z",
        "2026-04-02T10:00:00Z\n",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
    ],
)
def test_what_is_no_instant_is_none(text: str) -> None:
    assert parse_instant(text) is None


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused_without_an_error(text: str) -> None:
    read = parse_instant(text)
    assert read is None or isinstance(format_instant(read[0]), str)


@given(instants)
def test_an_instant_written_with_milliseconds_comes_back_the_same(at: int) -> None:
    assert parse_instant(format_instant(at)) == (at, ())


@given(instants)
def test_styles_without_milliseconds_come_back_cut_to_the_second(at: int) -> None:
    whole = at - at % 1_000
    assert parse_instant(format_instant(at, TimestampStyle.SECONDS)) == (whole, ())
    assert parse_instant(format_instant(at, TimestampStyle.NAIVE)) == (whole, ("space-for-t", "naive-time"))


@given(st.integers(0, 999_999_999), st.integers(0, 9))
def test_zero_to_nine_digits_of_a_second_are_read_to_the_millisecond(nanoseconds: int, digits: int) -> None:
    """Only three digits, or none, are as every partner takes them."""
    fraction = f"{nanoseconds:09d}"[:digits]
    text = f"2026-04-02T10:00:00{'.' if digits else ''}{fraction}Z"
    expected = TEN + int(fraction.ljust(9, "0")) // 1_000_000
    assert parse_instant(text) == (expected, () if digits in {0, 3} else ("fraction-digits",))


@given(
    st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)),  # noqa: DTZ001 - hypothesis draws naive bounds
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
)
def test_offsets_are_read_as_the_standard_library_reads_them(moment: datetime, minutes: int) -> None:
    there = moment.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=minutes)))
    since = there - datetime(1970, 1, 1, tzinfo=UTC)
    assert parse_instant(there.isoformat()) == (since // timedelta(milliseconds=1), ())
