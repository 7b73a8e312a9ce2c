"""Expectations that a session raises by itself: what a breach or a request for an adjustment calls for."""

from __future__ import annotations

from depot_sim.application.oscp.session.hosted import HostedSession
from depot_sim.domain.interaction.expectation_events import Expectation, Moment, Step
from depot_sim.domain.interaction.message import Direction
from depot_sim.domain.oscp.vocabulary import MessageType, Outcome

BREACH = "breach"
ADJUSTMENT = "adjustment"


def by_breach(hosted: HostedSession, forecast_id: str, moment: Moment) -> None:
    """The partner has to send a compliance error about the forecast; one is waited for at a time."""
    within_ms = hosted.session.attached.policy.compliance_within_ms
    step = _step(Direction.INBOUND, MessageType.GROUP_CAPACITY_COMPLIANCE_ERROR, forecast_id)
    _raise_once(hosted, step, within_ms, BREACH, f"a compliance error about forecast {forecast_id}", moment)


def by_adjustment(hosted: HostedSession, request_id: str, moment: Moment) -> None:
    """Our own forecast has to answer the request, where the session's policy says so."""
    within_ms = hosted.session.attached.policy.adjustment_within_ms
    if within_ms:
        step = _step(Direction.OUTBOUND, MessageType.UPDATE_GROUP_CAPACITY_FORECAST, request_id)
        _raise_once(hosted, step, within_ms, ADJUSTMENT, f"a forecast that answers request {request_id}", moment)


def _step(direction: Direction, type: MessageType, correlation_id: str) -> Step:
    return Step(direction, (type.value,), correlation_id, outcomes=(Outcome.ACCEPTED.value,))


def _raise_once(hosted: HostedSession, step: Step, within_ms: int, cause: str, title: str, moment: Moment) -> None:
    expected = Expectation((step,), moment.target + within_ms, requires_online=True, title=title, cause=cause)
    if not any(_is_like(standing.expectation, expected) for standing in hosted.expectations.waiting.values()):
        hosted.expect(expected, moment)


def _is_like(waiting: Expectation, expected: Expectation) -> bool:
    return waiting.cause == expected.cause and waiting.steps == expected.steps
