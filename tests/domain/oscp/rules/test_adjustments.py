"""Adjustments against the active forecast."""

from __future__ import annotations

import pytest

from depot_sim.domain.oscp.state import SessionState
from depot_sim.domain.oscp.vocabulary import ForecastType, MessageType
from depot_sim.domain.oscp.wire.messages import Block, CapacityForecast
from tests.domain.oscp.sessions import NOW, QUARTER, TEN, published, rules, session

ADJUST = MessageType.ADJUST_GROUP_CAPACITY_FORECAST
CONSUMPTION, GENERATION = ForecastType.CONSUMPTION, ForecastType.GENERATION
AHEAD = Block(NOW, NOW + QUARTER, 500_000)


def ask(*blocks: Block, type: ForecastType = CONSUMPTION) -> CapacityForecast:
    return CapacityForecast("group-1", type, blocks or (AHEAD,))


@pytest.fixture
def state() -> SessionState:
    """A session with an accepted consumption forecast for the hour from 10:00 on."""
    return published(session(), "f1", Block(TEN, TEN + 4 * QUARTER, 400_000))


def test_an_adjustment_of_an_active_forecast_is_taken(state: SessionState) -> None:
    assert rules(state, ADJUST, ask()) == []
    assert rules(state, ADJUST, ask(), "f1") == []


def test_without_an_accepted_forecast_there_is_nothing_to_adjust() -> None:
    assert rules(session(), ADJUST, ask()) == ["adjustment.no-active-forecast"]


@pytest.mark.parametrize(
    ("message", "named", "expected"),
    [
        (ask(type=GENERATION), "", ["adjustment.no-active-forecast"]),
        (ask(type=GENERATION), "f1", ["adjustment.other-type", "adjustment.no-active-forecast"]),
        (ask(), "f0", ["adjustment.unknown-forecast"]),
        (ask(Block(NOW + 8 * QUARTER, NOW + 9 * QUARTER, 1)), "", ["adjustment.no-active-forecast"]),
        (ask(AHEAD, Block(NOW + 8 * QUARTER, NOW + 9 * QUARTER, 1)), "", []),
        (ask(Block(TEN, TEN + QUARTER, 1)), "", ["adjustment.in-the-past"]),
        (ask(Block(TEN, TEN + QUARTER, 1), AHEAD), "", []),
        (ask(Block(NOW + 2, NOW + 1, 1)), "", ["block.ends-before-it-starts"]),
        (ask(AHEAD, AHEAD), "", ["block.overlap"]),
    ],
)
def test_an_adjustment_has_to_fit_the_forecast(
    state: SessionState, message: CapacityForecast, named: str, expected: list[str]
) -> None:
    assert rules(state, ADJUST, message, named) == expected
