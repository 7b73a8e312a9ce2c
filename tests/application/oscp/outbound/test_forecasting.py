"""From a request for a forecast to the message, or to every fault of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.application.oscp.outbound.forecasting import forecast_draft, forecast_of, plan_of
from depot_sim.application.oscp.requests import ForecastBlock, PlanForecast, SendForecast
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.oscp.vocabulary import ForecastType, MessageType
from depot_sim.domain.oscp.wire.messages import Block
from tests.domain.oscp.driving import Driven
from tests.domain.oscp.sessions import QUARTER, TEN

SESSION = Driven().session
START, END = "2026-04-02T10:00:00Z", "2026-04-02T10:15:00Z"


def blocks(*given: tuple[Any, str, str]) -> SendForecast:
    return SendForecast(forecasted_blocks=tuple(ForecastBlock(*block) for block in given))


def pointers(request: SendForecast | PlanForecast) -> list[str]:
    make: Any = plan_of if isinstance(request, PlanForecast) else forecast_of
    with pytest.raises(InvalidInput) as refused:
        make(SESSION, request, TEN)
    return [fault.pointer for fault in refused.value.faults]


def test_the_blocks_of_the_design_become_the_message() -> None:
    draft = forecast_draft(SESSION, Moment(TEN, TEN, TEN), blocks((500.0, START, END)))
    assert draft.type is MessageType.UPDATE_GROUP_CAPACITY_FORECAST
    forecast = forecast_of(SESSION, blocks((500.0, START, END)), TEN)
    assert forecast.group_id == "group-1"
    assert forecast.type is ForecastType.CONSUMPTION
    assert forecast.blocks == (Block(TEN, TEN + QUARTER, 500_000),)


def test_a_pattern_begins_at_the_present_quarter_unless_told() -> None:
    now = TEN + QUARTER + 1
    assert forecast_of(SESSION, SendForecast(pattern="500 for 1h"), now).blocks[0].start == TEN + QUARTER
    told = SendForecast(pattern="500 for 1h", begin="2026-04-02T12:00:00+02:00")
    assert forecast_of(SESSION, told, now).blocks[0].start == TEN


def test_another_group_can_be_named_on_purpose() -> None:
    assert forecast_of(SESSION, SendForecast(pattern="5 for 1h", group_id="other"), TEN).group_id == "other"


@pytest.mark.parametrize(
    "given",
    [
        [(0, START, END)],
        [(1, START, END), (2, START, END)],
        [(1, "2026-04-02T10:30:00Z", "2026-04-02T10:45:00Z"), (1, START, END)],
        [(1, "2001-01-01T00:00:00Z", "2001-01-01T01:00:00Z")],
    ],
    ids=["zero", "overlapping", "unsorted", "past"],
)
def test_odd_blocks_are_sent_as_they_are(given: list[tuple[Any, str, str]]) -> None:
    assert len(forecast_of(SESSION, blocks(*given), TEN).blocks) == len(given)


def test_every_fault_is_told_with_its_place() -> None:
    request = blocks((-1, START, END), (5, "noon", END), (5, END, START))
    assert pointers(request) == [
        "/forecasted_blocks/0/capacity",
        "/forecasted_blocks/1/start_time",
        "/forecasted_blocks/2/end_time",
    ]


@pytest.mark.parametrize("capacity", [True, None, "much", [], {}, float("nan"), float("inf"), "1e999999", 1e300, "-1"])
def test_what_is_no_capacity_is_refused(capacity: Any) -> None:
    assert pointers(blocks((capacity, START, END))) == ["/forecasted_blocks/0/capacity"]


@given(st.integers(0, 10**9), st.integers(0, 999))
def test_thousandths_are_exact(whole: int, thousandths: int) -> None:
    capacity = f"{whole}.{thousandths:03}"
    (block,) = forecast_of(SESSION, blocks((capacity, START, END)), TEN).blocks
    assert block.capacity_milli == whole * 1_000 + thousandths


def test_blocks_and_pattern_are_one_or_the_other() -> None:
    assert pointers(SendForecast()) == [""]
    assert pointers(SendForecast(pattern="5 for 1h", forecasted_blocks=(ForecastBlock(1, START, END),))) == [""]


def test_a_plan_is_due_at_the_next_quarter_of_an_hour_and_its_pattern_begins_there() -> None:
    plan = plan_of(SESSION, PlanForecast(SendForecast(pattern="500 for 1h")), TEN + 1)
    assert (plan.plan_id, plan.due, plan.blocks[0].start) == ("plan-1", TEN + QUARTER, TEN + QUARTER)
    assert (plan.every_ms, plan.times) == (0, 1)


def test_a_plan_may_be_due_at_any_time_and_repeat() -> None:
    asked = PlanForecast(SendForecast(pattern="5 for 1h"), at=END, every="15 min", times=0, relative=False)
    plan = plan_of(SESSION, asked, TEN)
    assert (plan.due, plan.every_ms, plan.times, plan.relative) == (TEN + QUARTER, QUARTER, 0, False)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"at": "soon"}, "/at"),
        ({"times": -1}, "/times"),
        ({"times": 2}, "/every"),
        ({"times": 2, "every": "now and then"}, "/every"),
        ({"times": 2, "every": "1 ms"}, "/every"),
        ({"forecast": SendForecast(pattern="5 for 1h", begin="x")}, "/forecast/begin"),
        ({"forecast": SendForecast(pattern="lots")}, "/forecast/pattern"),
        ({"forecast": blocks((1, END, START))}, "/forecast/forecasted_blocks/0/end_time"),
    ],
)
def test_what_is_wrong_with_a_plan_is_told_with_its_place(changes: dict[str, Any], pointer: str) -> None:
    asked = {"forecast": SendForecast(pattern="5 for 1h")} | changes
    assert pointers(PlanForecast(**asked)) == [pointer]
