"""Requests for expectations: what they become, and every fault at its place."""

from __future__ import annotations

import pytest

from depot_sim.domain.interaction.expectation_events import Clock, Expectation, Moment, Step
from depot_sim.domain.interaction.expectation_requests import read_expectation_request
from depot_sim.domain.interaction.message import Direction
from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.kernel.instants import Instant
from depot_sim.domain.oscp.named_faults import OSCP

WALL = Instant.parse("2026-04-02T10:00:00Z")
NOW = Moment(target=WALL + 1, wall=WALL, run=5)


def read(raw: object) -> Expectation:
    return read_expectation_request(raw, OSCP, NOW, cause="api")


def faults(raw: object) -> set[str]:
    with pytest.raises(InvalidInput) as refused:
        read(raw)
    return {fault.pointer for fault in refused.value.faults}


def test_an_answer_within_a_minute_of_wall_time() -> None:
    asked = read(
        {
            "messages": [{"message_types": ["group_capacity_compliance_error"], "correlation_id": "f-1"}],
            "within_ms": 60_000,
            "clock": "wall",
            "requires_online": True,
            "title": "the breach is reported",
        }
    )

    step = Step(Direction.INBOUND, ("GroupCapacityComplianceError",), "f-1", outcomes=("accepted",))
    assert asked == Expectation(
        (step,), WALL + 60_000, Clock.WALL, requires_online=True, title="the breach is reported", cause="api"
    )


def test_deadlines_count_from_the_present_on_their_own_clock() -> None:
    assert read({"messages": [{}], "within_ms": 10}).deadline == NOW.target + 10
    assert read({"messages": [{}], "within_ms": 10, "clock": "run"}).deadline == 15
    assert read({"messages": [{}], "deadline": "2026-04-02T10:00:01Z"}).deadline == WALL + 1_000


def test_what_must_never_come_must_not_come_with_any_outcome() -> None:
    [step] = read({"messages": [{"direction": "outbound"}], "never": True, "within_ms": 1}).steps

    assert (step.direction, step.outcomes) == (Direction.OUTBOUND, ())


def test_a_sequence_keeps_its_order_and_counts() -> None:
    asked = read({"messages": [{"count": 3}, {"outcomes": []}], "ordered": True, "within_ms": 1})

    assert asked.ordered
    assert [(step.count, step.outcomes) for step in asked.steps] == [(3, ("accepted",)), (1, ())]


@pytest.mark.parametrize(
    ("raw", "pointers"),
    [
        ([], {""}),
        ({"within_ms": 1}, {"/messages"}),
        ({"messages": [], "within_ms": 1}, {"/messages"}),
        ({"messages": [{}] * 21, "within_ms": 1}, {"/messages"}),
        ({"messages": [{}]}, {""}),
        ({"messages": [{}], "within_ms": 1, "deadline": "2026-04-02T10:30:00Z"}, {""}),
        ({"messages": [{}], "within_ms": 0, "clock": "sun"}, {"/within_ms", "/clock"}),
        ({"messages": [{}], "deadline": "2026-04-02T09:00:00Z"}, {"/deadline"}),
        ({"messages": [{"count": 0}, {"count": 1_001}], "within_ms": 1}, {"/messages/0/count", "/messages/1/count"}),
        ({"messages": [{"message_types": ["x"]}], "within_ms": 1}, {"/messages/0/message_types/0"}),
        ({"messages": [{"where": [{"pointer": "/a"}]}], "within_ms": 1}, {"/messages/0/where/0"}),
        ({"messages": [{"nth": 1}], "within_ms": 1, "title": "x" * 201}, {"/messages/0/nth", "/title"}),
    ],
)
def test_every_fault_is_told_at_its_place(raw: object, pointers: set[str]) -> None:
    assert faults(raw) == pointers
