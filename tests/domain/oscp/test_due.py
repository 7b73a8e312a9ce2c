"""What a session has before it, from its state alone."""

from __future__ import annotations

from typing import Any

import pytest

from depot_sim.domain.oscp.due import Act, Due, agenda, due_now, next_due
from depot_sim.domain.oscp.events import OscpForecastPlanned
from depot_sim.domain.oscp.state import SessionState
from depot_sim.domain.oscp.vocabulary import LIVE, ForecastType, Lifecycle
from tests.domain.oscp.sessions import TEN, session

PLAN = OscpForecastPlanned(TEN, "plan-1", TEN + 3, ForecastType.CONSUMPTION, ())


def busy(lifecycle: Lifecycle, **changes: Any) -> SessionState:
    """With a reason for everything a session may ever do."""
    state = session(lifecycle)
    state.handshake_due, state.peer_offline_at, state.next_heartbeat_at = TEN + 1, TEN + 2, TEN
    state.plans = {"plan-1": PLAN}
    for name, value in changes.items():
        setattr(state, name, value)
    return state


def test_a_session_that_was_never_attached_has_nothing_before_it() -> None:
    assert next_due(SessionState()) is None


def test_nor_has_one_that_has_ended() -> None:
    assert list(agenda(busy(Lifecycle.ONLINE, detached=True))) == []


@pytest.mark.parametrize("lifecycle", sorted(LIVE))
def test_a_live_session_has_heartbeats_plans_and_its_partners_silence(lifecycle: Lifecycle) -> None:
    assert due_now(busy(lifecycle), TEN + 3) == [
        Due(TEN, Act.HEARTBEAT),
        Due(TEN + 2, Act.TIME_OUT),
        Due(TEN + 3, Act.FORECAST, "plan-1"),
    ]


def test_a_session_that_holds_its_heartbeats_back_has_none_due() -> None:
    assert Act.HEARTBEAT not in {due.act for due in agenda(busy(Lifecycle.ONLINE, sends_heartbeats=False))}


def test_a_handshake_to_be_acknowledged_is_due_at_once_and_only_once() -> None:
    state = busy(Lifecycle.ACCEPTING_HANDSHAKE)
    assert due_now(state, TEN) == [Due(0, Act.ACKNOWLEDGE)]
    state.acknowledging = True
    assert due_now(state, TEN) == []


@pytest.mark.parametrize("lifecycle", [Lifecycle.ACCEPTING_HANDSHAKE, Lifecycle.AWAITING_HANDSHAKE_ACKNOWLEDGE])
def test_a_handshake_under_way_may_take_too_long(lifecycle: Lifecycle) -> None:
    assert next_due(busy(lifecycle, acknowledging=True)) == TEN + 1


def test_an_offline_session_does_nothing_of_its_own_accord() -> None:
    assert list(agenda(busy(Lifecycle.OFFLINE, handshake_due=None))) == []


def test_nothing_is_due_before_its_moment() -> None:
    assert due_now(busy(Lifecycle.ONLINE), TEN - 1) == []
    assert next_due(busy(Lifecycle.ONLINE)) == TEN
