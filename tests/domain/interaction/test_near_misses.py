"""The messages that came nearest, told field by field."""

from __future__ import annotations

import msgspec

from depot_sim.domain.interaction.expectation_events import Expectation, NearMiss, Step
from depot_sim.domain.interaction.expectations import Expectations
from depot_sim.domain.interaction.matching import Check, Condition, FieldComparison
from depot_sim.domain.interaction.message import Direction
from tests.domain.scenario.samples import folded, message, moment

ERROR = "GroupCapacityComplianceError"
EXPECTED = Step(
    Direction.INBOUND,
    (ERROR,),
    "forecast-1",
    (Condition(Check.PRESENT, msgspec.Raw(b"true"), "/message"),),
    outcomes=("accepted",),
)


def missed(expectations: Expectations, *steps: Step, ordered: bool = False) -> str:
    return expectations.raise_(Expectation(steps or (EXPECTED,), 100, ordered=ordered), moment(10))


def nearest(expectations: Expectations, id: str) -> tuple[NearMiss, ...]:
    assert expectations.expire(moment(100)) == (id,)
    standing = expectations.find(id)
    assert standing is not None
    return standing.nearest


def wrong_fields(near: NearMiss) -> list[str]:
    return [field.field for field in near.fields if not field.matched]


def test_three_are_named_those_with_the_fewest_differences_first() -> None:
    expectations = Expectations("s")
    id = missed(expectations)
    for entry, kind, correlation, raw, outcome in (
        ("heartbeat", "Heartbeat", "forecast-1", b'{"message":"m"}', "accepted"),
        ("two-wrong", ERROR, "other", b"{}", "accepted"),
        ("refused", ERROR, "forecast-1", b'{"message":"m"}', "rejected"),
        ("uncorrelated", ERROR, "", b'{"message":"m"}', "accepted"),
    ):
        sent = message(kind, entry_id=entry, correlation_id=correlation, raw=raw, at=20)
        expectations.observe(sent, outcome, moment(20))

    near = nearest(expectations, id)

    assert [(one.entry_id, wrong_fields(one)) for one in near] == [
        ("uncorrelated", ["correlation_id"]),
        ("refused", ["outcome"]),
        ("two-wrong", ["correlation_id", "body/message"]),
    ]
    assert near[0].fields[2] == FieldComparison("correlation_id", False, "nothing", "forecast-1")
    assert near[1].fields[-1] == FieldComparison("outcome", False, "rejected", "accepted")


def test_a_message_that_came_before_the_expectation_was_raised_says_so() -> None:
    expectations = Expectations("s")
    early = message(ERROR, correlation_id="forecast-1", raw=b'{"message":"m"}', at=10)
    expectations.observe(early, "accepted", moment(10))

    [near] = nearest(expectations, missed(expectations))

    assert wrong_fields(near) == ["time"]
    assert near.fields[-1].expected == "after the expectation was raised at 1970-01-01T00:00:00.010Z"


def test_a_message_out_of_order_says_so_and_one_that_counted_is_left_out() -> None:
    expectations = Expectations("s")
    first, second = Step(message_types=("a",)), Step(message_types=("b",))
    id = missed(expectations, first, second, ordered=True)
    for kind in ("b", "a"):
        expectations.observe(message(kind, entry_id=kind, at=20), "accepted", moment(20))

    [near] = nearest(expectations, id)

    assert (near.entry_id, near.step, wrong_fields(near)) == ("b", 1, ["order"])


def test_messages_remembered_after_a_restart_are_considered() -> None:
    expectations = Expectations("s")
    id = missed(expectations)
    restarted = folded(expectations)
    restarted.remember(message(ERROR, entry_id="before", correlation_id="x", raw=b'{"message":1}', at=20), "accepted")

    assert [(one.entry_id, wrong_fields(one)) for one in nearest(restarted, id)] == [("before", ["correlation_id"])]


def test_without_messages_there_are_none() -> None:
    expectations = Expectations("s")

    assert nearest(expectations, missed(expectations)) == ()
