"""Deadlines of overrides and expectations at the last moment before the edge and at the edge."""

from __future__ import annotations

import pytest

from depot_sim.domain.interaction.expectation_events import Expectation, Reason, Step, Verdict
from depot_sim.domain.interaction.expectations import Expectations
from depot_sim.domain.interaction.overrides import Overrides
from tests.domain.scenario.samples import message, moment, override

EDGE = 100


@pytest.mark.parametrize(("now", "is_over"), [(EDGE - 1, False), (EDGE, True), (EDGE + 1, True)])
def test_an_override_holds_up_to_its_end_and_not_at_it(now: int, is_over: bool) -> None:
    overrides = Overrides("s")
    id = overrides.apply(override(until=EDGE), 0)
    assert bool(overrides.decide(message(), now)) is not is_over
    assert overrides.expire(now) == ((id,) if is_over else ())
    assert bool(overrides.hit(message(), now)) is not is_over


@pytest.mark.parametrize(("now", "verdict"), [(EDGE - 1, Verdict.MET), (EDGE, Verdict.MISSED)])
def test_a_message_exactly_at_the_deadline_is_too_late(now: int, verdict: Verdict) -> None:
    expectations = Expectations("s")
    id = expectations.raise_(Expectation((Step(message_types=("a",)),), EDGE), moment(0))
    expectations.observe(message("a", at=now), "accepted", moment(now))
    standing = expectations.find(id)
    assert standing is not None
    assert (standing.verdict, standing.reason) == (verdict, "" if verdict is Verdict.MET else Reason.DEADLINE.value)


@pytest.mark.parametrize(("now", "verdict"), [(EDGE - 1, Verdict.MISSED), (EDGE, Verdict.MET)])
def test_a_forbidden_message_exactly_at_the_deadline_does_no_harm(now: int, verdict: Verdict) -> None:
    expectations = Expectations("s")
    id = expectations.raise_(Expectation((Step(message_types=("a",)),), EDGE, never=True), moment(0))
    expectations.observe(message("a", at=now), "accepted", moment(now))
    standing = expectations.find(id)
    assert standing is not None
    assert standing.verdict is verdict


def test_what_has_its_verdict_keeps_it_through_later_messages_and_the_end() -> None:
    expectations = Expectations("s")
    id = expectations.raise_(Expectation((Step(message_types=("a",)),), EDGE), moment(0))
    expectations.observe(message("a", entry_id="first", at=1), "accepted", moment(1))
    count = len(expectations.pending)
    for late in (moment(2), moment(EDGE), moment(EDGE + 1)):
        expectations.observe(message("a", at=late.target), "accepted", late)
        assert expectations.expire(late) == expectations.went_offline(late) == ()
    assert expectations.retire_all("the session is over", moment(EDGE)) == ()
    assert len(expectations.pending) == count
    standing = expectations.find(id)
    assert standing is not None
    assert (standing.verdict, standing.met_by) == (Verdict.MET, ["first"])


def test_an_override_that_has_ended_is_neither_hit_nor_ended_again() -> None:
    overrides = Overrides("s")
    overrides.apply(override(until=EDGE), 0)
    overrides.expire(EDGE)
    count = len(overrides.pending)
    assert overrides.hit(message(), EDGE - 1) == ()
    assert overrides.expire(EDGE + 1) == overrides.clear("all", EDGE + 1) == ()
    assert len(overrides.pending) == count
