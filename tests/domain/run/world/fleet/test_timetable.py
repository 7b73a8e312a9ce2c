"""Duties laid over logical time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.configuration.document import Duty, Weekday
from depot_sim.domain.kernel.quantities import ClockTime
from depot_sim.domain.run.world.fleet.timetable import (
    Calendar,
    Departure,
    calendar,
    departure_under_way,
    next_departure,
)
from tests.domain.run.world.depots import DAY, HOUR, MINUTE, MONDAY_MIDNIGHT, MONDAY_NOON, duty

NOON = calendar(MONDAY_NOON)
MIDNIGHT = calendar(MONDAY_MIDNIGHT)
BEGINNING = (-1, 0)


def departures(duties: list[Duty], cal: Calendar, count: int, after: tuple[int, int] = BEGINNING) -> list[Departure]:
    found = []
    for _ in range(count):
        coming = next_departure(duties, cal, after)
        if coming is None:
            break
        found.append(coming)
        after = coming.departs_at, coming.duty
    return found


def test_a_calendar_knows_local_time_of_day_and_weekday_of_the_start() -> None:
    start = datetime(2026, 3, 4, 5, 6, 7, 8_000, tzinfo=timezone(timedelta(hours=-5)))
    cal = calendar(start)
    assert cal == Calendar(5 * HOUR + 6 * MINUTE + 7_008, 2)
    assert cal.weekday(0) is Weekday.WED
    assert cal.weekday(-3) is Weekday.SUN
    assert cal.ms_of_day(0) == cal.start_ms_of_day
    assert cal.midnight(0) == -cal.start_ms_of_day
    assert cal.midnight(1) == DAY - cal.start_ms_of_day


@given(st.integers(0, DAY - 1), st.integers(0, 6), st.integers(0, 400 * DAY))
def test_day_and_time_of_day_make_up_logical_time(start_ms: int, weekday: int, at: int) -> None:
    cal = Calendar(start_ms, weekday)
    assert cal.midnight(cal.day_of(at)) + cal.ms_of_day(at) == at
    assert 0 <= cal.ms_of_day(at) < DAY


def test_a_daily_duty_comes_again_every_day() -> None:
    found = departures([duty("05:00", "19:00")], NOON, 3)
    assert [departure.departs_at for departure in found] == [17 * HOUR, 41 * HOUR, 65 * HOUR]
    assert [departure.day for departure in found] == [1, 2, 3]
    assert all(departure.returns_at - departure.departs_at == 14 * HOUR for departure in found)


def test_a_departure_at_the_very_start_counts() -> None:
    assert next_departure([duty("12:00", "13:00")], NOON, BEGINNING) == Departure(0, 0, 0, HOUR)


def test_a_weekend_duty_waits_for_the_weekend() -> None:
    weekend = duty("08:00", "20:00", days=(Weekday.SAT, Weekday.SUN))
    assert [departure.day for departure in departures([weekend], MIDNIGHT, 4)] == [5, 6, 12, 13]


@pytest.mark.parametrize("day", list(Weekday))
def test_a_duty_of_one_weekday_comes_again_after_exactly_a_week(day: Weekday) -> None:
    found = departures([duty("47:59", "48:30", days=(day,))], NOON, 4)
    assert [later.departs_at - earlier.departs_at for earlier, later in pairwise(found)] == [7 * DAY] * 3
    assert all(MIDNIGHT.weekday(departure.day) is day for departure in found)


def test_an_hour_beyond_24_is_the_next_day_but_belongs_to_the_day_before() -> None:
    night = duty("25:10", "29:00", days=(Weekday.MON,))
    assert next_departure([night], MIDNIGHT, BEGINNING) == Departure(25 * HOUR + 10 * MINUTE, 0, 0, 29 * HOUR)


def test_the_night_before_the_start_still_departs() -> None:
    night = duty("25:10", "29:00", days=(Weekday.SUN,))
    assert next_departure([night], MIDNIGHT, BEGINNING) == Departure(HOUR + 10 * MINUTE, 0, -1, 5 * HOUR)


def test_a_time_since_the_start_happens_once() -> None:
    once = duty("+07:00", "+31:15")
    assert departures([once], NOON, 3) == [Departure(7 * HOUR, 0, 0, 31 * HOUR + 15 * MINUTE)]


def test_duties_of_a_day_come_in_order_of_time_then_of_the_list() -> None:
    duties = [duty("09:00", "10:00", id="b"), duty("07:00", "08:00", id="a"), duty("09:00", "10:00", id="c")]
    assert [departure.duty for departure in departures(duties, MIDNIGHT, 4)] == [1, 0, 2, 1]


def test_no_duties_no_departure() -> None:
    assert next_departure([], NOON, BEGINNING) is None
    assert departure_under_way([], NOON) is None


def test_a_duty_under_way_at_the_start_is_found() -> None:
    assert departure_under_way([duty("05:00", "19:00")], NOON) == Departure(-7 * HOUR, 0, 0, 7 * HOUR)
    assert departure_under_way([duty("+00:00", "+07:00")], NOON) == Departure(0, 0, 0, 7 * HOUR)
    assert departure_under_way([duty("12:00", "13:00")], NOON) == Departure(0, 0, 0, HOUR)


def test_a_duty_of_yesterday_may_still_be_under_way() -> None:
    assert departure_under_way([duty("22:00", "37:00")], NOON) == Departure(-14 * HOUR, 0, -1, HOUR)
    assert departure_under_way([duty("47:00", "95:00", days=(Weekday.SAT,))], NOON) == Departure(
        -13 * HOUR, 0, -2, 35 * HOUR
    )


def test_a_duty_that_ends_or_begins_elsewhen_is_not_under_way() -> None:
    assert departure_under_way([duty("05:00", "12:00"), duty("12:01", "13:00")], NOON) is None
    assert departure_under_way([duty("05:00", "19:00", days=(Weekday.TUE,))], NOON) is None


@given(
    st.lists(
        st.tuples(st.integers(0, 47), st.integers(0, 59), st.sets(st.sampled_from(list(Weekday)), min_size=1)),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, DAY - 1),
    st.integers(0, 6),
)
def test_departures_never_go_back_nor_leave_an_occurrence_out(
    plan: list[tuple[int, int, set[Weekday]]], start_ms: int, weekday: int
) -> None:
    cal = Calendar(start_ms, weekday)
    duties = [
        Duty(id="d", departs=ClockTime(f"{hour}:{minute:02}"), returns=ClockTime(f"{hour + 1}:00"), days=tuple(days))
        for hour, minute, days in plan
    ]
    expected = sorted(
        (cal.midnight(day) + each.departs.ms, index)
        for index, each in enumerate(duties)
        for day in range(-2, 80)
        if cal.weekday(day) in each.days and cal.midnight(day) + each.departs.ms >= 0
    )
    assert [departure[:2] for departure in departures(duties, cal, 10)] == expected[:10]


def test_the_start_keeps_its_own_offset_whatever_utc_says() -> None:
    sydney = datetime(2026, 3, 3, 1, 0, tzinfo=timezone(timedelta(hours=11)))
    assert calendar(sydney).start_ms_of_day == HOUR
    assert calendar(sydney).weekday(0) is Weekday.TUE
    assert calendar(sydney.astimezone(UTC)).weekday(0) is Weekday.MON
