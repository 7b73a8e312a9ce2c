"""Expectations of an answer to each message."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.interaction.expectation_events import Clock, Moment, Verdict
from depot_sim.domain.interaction.expectation_requests import read_expectation_request
from depot_sim.domain.interaction.expectations import Expectations
from depot_sim.domain.interaction.message import Direction
from depot_sim.domain.interaction.standing import Standing
from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.packets.named_faults import PACKETS
from tests.domain.scenario.samples import folded, message, moment

WITHIN, DEADLINE = 10, 100
FINE = {"header": ":status", "at_most": "299"}
ASKED = {
    "to_each": {"message_types": ["Telemetry"], "within_ms": WITHIN},
    "messages": [{"message_types": ["Answer"], "where": [FINE]}],
    "within_ms": DEADLINE,
}


class Watch:
    """One expectation of a 2xx to each telemetry, raised at 0."""

    def __init__(self, **terms: object) -> None:
        self.expectations = Expectations("feed")
        self.id = self.expectations.raise_(read_expectation_request(ASKED | terms, PACKETS, moment(0)), moment(0))

    @property
    def standing(self) -> Standing:
        found = self.expectations.find(self.id)
        assert found is not None
        return found

    def send(self, id: str, at: int, outcome: str = "sent", kind: str = "Telemetry") -> None:
        self.expectations.observe(message(kind, "outbound", request_id=id, at=at), outcome, moment(at))

    def answer(self, id: str, at: int, status: str = "200") -> None:
        answer = message("Answer", "inbound", correlation_id=id, headers=((":status", status),), at=at)
        self.expectations.observe(answer, "accepted" if status < "300" else "rejected", moment(at))


def test_answers_in_time_to_every_message_meet_it_at_its_deadline() -> None:
    watch = Watch()
    for number in range(3):
        watch.send(f"p-{number}", number * 20)
        watch.answer(f"p-{number}", number * 20 + WITHIN - 1)
    assert watch.standing.verdict is Verdict.WAITING
    watch.expectations.expire(moment(DEADLINE))
    assert (watch.standing.verdict, watch.standing.counts, watch.standing.met_by) == (Verdict.MET, (3,), [])


def test_one_message_without_its_answer_misses_it_the_moment_the_answer_is_overdue() -> None:
    watch = Watch()
    watch.send("p-1", 1)
    watch.send("p-2", 2)
    watch.answer("p-2", 3)
    assert watch.expectations.next_deadline() == {Clock.TARGET: 1 + WITHIN}
    watch.expectations.expire(moment(1 + WITHIN))
    assert (watch.standing.verdict, watch.standing.reason) == (Verdict.MISSED, "unanswered")
    (entry,) = watch.standing.met_by
    assert entry.startswith("entry-")


def test_an_answer_too_late_or_of_another_status_does_not_help_and_is_shown_as_the_nearest() -> None:
    watch = Watch()
    watch.send("p-1", 1)
    watch.answer("p-0", 2)
    watch.answer("p-1", 3, "503")
    watch.answer("p-1", 1 + WITHIN)
    assert watch.standing.verdict is Verdict.MISSED
    nearest = watch.standing.nearest[0]
    assert [field.field for field in nearest.fields if not field.matched] == ["header :status", "outcome"]


def test_a_second_answer_makes_good_for_a_first_one() -> None:
    watch = Watch()
    watch.send("p-1", 1)
    watch.answer("p-1", 2, "503")
    watch.answer("p-1", 8)
    watch.expectations.expire(moment(DEADLINE))
    assert watch.standing.verdict is Verdict.MET


def test_messages_withheld_of_other_kinds_or_too_near_to_the_end_need_no_answer() -> None:
    watch = Watch()
    watch.send("p-1", 1)
    watch.answer("p-1", 2)
    watch.send("p-2", 3, outcome="withheld")
    watch.send("p-3", 3, kind="Birth")
    watch.send("p-4", DEADLINE - WITHIN + 1)
    watch.expectations.expire(moment(DEADLINE))
    assert watch.standing.verdict is Verdict.MET


def test_nothing_to_answer_is_no_proof() -> None:
    watch = Watch()
    watch.expectations.expire(moment(DEADLINE))
    assert (watch.standing.verdict, watch.standing.reason) == (Verdict.MISSED, "deadline")


def test_answers_are_due_on_the_expectation_s_own_clock() -> None:
    watch = Watch(clock="wall")
    sent = message("Telemetry", "outbound", request_id="p-1")
    watch.expectations.observe(sent, "sent", Moment(target=50, wall=5, run=50))
    assert watch.expectations.next_deadline() == {Clock.WALL: 5 + WITHIN}


def test_a_telemetry_is_outbound_and_an_answer_inbound_without_saying_so() -> None:
    asked = read_expectation_request(ASKED, PACKETS, moment(0))
    assert asked.to_each is not None
    assert (asked.to_each.direction, asked.steps[0].direction) == (Direction.OUTBOUND, Direction.INBOUND)
    never = {"messages": [{"message_types": ["death"]}], "never": True, "within_ms": 1}
    assert read_expectation_request(never, PACKETS, moment(0)).steps[0].direction is Direction.OUTBOUND


@pytest.mark.parametrize(
    ("terms", "pointer"),
    [
        ({"never": True}, "/never"),
        ({"ordered": True}, "/ordered"),
        ({"messages": [{"message_types": ["Answer"]}] * 2}, "/messages"),
        ({"to_each": {"message_types": ["Telemetry"], "within_ms": 0}}, "/to_each/within_ms"),
        ({"to_each": {"message_types": ["Telemetry"]}}, "/to_each/within_ms"),
        ({"to_each": {"message_types": ["Telemetri"], "within_ms": 1}}, "/to_each/message_types/0"),
        ({"messages": [{"message_types": ["Answer"], "direction": "outbound"}]}, "/messages/0/message_types/0"),
    ],
)
def test_every_fault_is_told_at_its_place(terms: dict[str, object], pointer: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_expectation_request(ASKED | terms, PACKETS, moment(0))
    assert [fault.pointer for fault in refused.value.faults] == [pointer]


@given(st.lists(st.tuples(st.integers(0, DEADLINE - 1), st.none() | st.integers(0, 2 * WITHIN)), max_size=8))
def test_the_verdict_is_that_of_looking_at_every_message_afterwards(lives: list[tuple[int, int | None]]) -> None:
    watch, numbers = Watch(), count()
    happenings = []
    for at, delay in lives:
        id = f"p-{next(numbers)}"
        happenings.append((at, 0, id))
        if delay is not None:
            happenings.append((at + delay, 1, id))
    for at, is_answer, id in sorted(happenings):
        (watch.answer if is_answer else watch.send)(id, at)
        restored = folded(watch.expectations)
        assert restored.state == watch.expectations.state
    watch.expectations.expire(moment(2 * DEADLINE))

    watched = [delay for at, delay in lives if at + WITHIN <= DEADLINE]
    is_met = bool(watched) and all(delay is not None and delay < WITHIN for delay in watched)
    assert watch.standing.verdict is (Verdict.MET if is_met else Verdict.MISSED)
