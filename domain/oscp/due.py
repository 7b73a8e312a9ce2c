"""What a session has to do, and when: derived from its state alone, so that a restart needs nothing but the log."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from depot_sim.domain.oscp.state import SessionState
from depot_sim.domain.oscp.vocabulary import LIVE, Lifecycle


class Act(Enum):
    """TIME_OUT is a decision of the session; the others are messages to send."""

    TIME_OUT = "time-out"
    ACKNOWLEDGE = "acknowledge"
    HEARTBEAT = "heartbeat"
    REGISTER = "register"
    FORECAST = "forecast"


class Due(NamedTuple):
    """`at` is on the session's clock; `plan_id` names the plan a forecast belongs to."""

    at: int
    act: Act
    plan_id: str = ""


def agenda(state: SessionState) -> Iterator[Due]:
    """Everything the session has before it, in no order."""
    if state.attached is None or state.detached:
        return
    if state.registration.owed:
        yield Due(0, Act.REGISTER)
    if state.handshake_due is not None and state.lifecycle not in LIVE:
        yield Due(state.handshake_due, Act.TIME_OUT)
        if state.lifecycle is Lifecycle.ACCEPTING_HANDSHAKE and not state.acknowledging:
            yield Due(0, Act.ACKNOWLEDGE)
    if state.lifecycle in LIVE:
        if state.peer_offline_at is not None:
            yield Due(state.peer_offline_at, Act.TIME_OUT)
        if state.next_heartbeat_at is not None and state.sends_heartbeats:
            yield Due(state.next_heartbeat_at, Act.HEARTBEAT)
        for plan in state.plans.values():
            yield Due(plan.due, Act.FORECAST, plan.plan_id)


def next_due(state: SessionState) -> int | None:
    """The earliest moment something has to be done."""
    return min((due.at for due in agenda(state)), default=None)


def due_now(state: SessionState, now: int) -> list[Due]:
    """What is due by now, the longest overdue first."""
    return sorted((due for due in agenda(state) if due.at <= now), key=lambda due: due.at)
