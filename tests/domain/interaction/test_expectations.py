"""Expectations: what meets them, what misses them, and when."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.interaction.expectation_events import (
    Clock,
    Expectation,
    MessageExpectationProgressed,
    Moment,
    Reason,
    Step,
    Verdict,
)
from depot_sim.domain.interaction.expectations import OFFLINE, Expectations
from depot_sim.domain.interaction.standing import Standing
from depot_sim.domain.kernel.errors import Conflict, NotFound
from depot_sim.domain.kernel.events import decode, encode
from tests.domain.scenario.samples import FAR, folded, message, moment

MOST_SETTLED = 100


def expecting(*steps: Step, **terms: object) -> tuple[Expectations, str]:
    """One expectation, raised at 0."""
    expectations = Expectations("s")
    asked = Expectation(steps, **{"deadline": 100, **terms})  # type: ignore[arg-type]
    return expectations, expectations.raise_(asked, moment(0))


def step(*types: str, count: int = 1, outcomes: tuple[str, ...] = ()) -> Step:
    return Step(message_types=types, count=count, outcomes=outcomes)


def standing(expectations: Expectations, id: str) -> Standing:
    found = expectations.find(id)
    assert found is not None
    return found


def see(expectations: Expectations, *types: str, at: int = 1) -> list[str]:
    """Observe messages of these types; the expectations they settle."""
    return [id for kind in types for id in expectations.observe(message(kind, at=at), "accepted", moment(at))]


def test_the_expected_message_meets_an_expectation_and_is_named() -> None:
    expectations, id = expecting(step("ComplianceError"))

    assert see(expectations, "Heartbeat") == []
    settled = expectations.observe(message("ComplianceError", entry_id="e-1"), "accepted", moment(7))

    assert settled == (id,)
    met = standing(expectations, id)
    assert (met.verdict, met.met_by, met.settled_at) == (Verdict.MET, ["e-1"], 7)
    assert expectations.next_deadline() == {}


def test_several_are_counted_and_the_count_is_kept_on_the_way() -> None:
    expectations, id = expecting(step("Heartbeat", count=3))

    assert see(expectations, "Heartbeat", "Heartbeat") == []
    assert standing(expectations, id).counts == (2,)
    assert see(expectations, "Heartbeat") == [id]
    assert len(standing(expectations, id).met_by) == 3


def test_a_message_counts_once() -> None:
    expectations, id = expecting(step("Heartbeat", count=2))
    twice = message("Heartbeat")

    expectations.observe(twice, "accepted", moment(1))
    expectations.observe(twice, "accepted", moment(2))

    assert standing(expectations, id).counts == (1,)


def test_in_order_a_message_that_comes_too_early_does_not_count() -> None:
    expectations, id = expecting(step("a"), step("b"), ordered=True)

    assert see(expectations, "b", "a") == []
    assert see(expectations, "b") == [id]


def test_without_an_order_any_will_do() -> None:
    expectations, id = expecting(step("a"), step("b"))

    assert see(expectations, "b", "b", "a") == [id]


def test_an_outcome_can_be_asked_for() -> None:
    expectations, id = expecting(step("a", outcomes=("accepted",)))

    assert expectations.observe(message("a"), "rejected", moment(1)) == ()
    assert expectations.observe(message("a"), "accepted", moment(1)) == (id,)


def test_a_deadline_that_comes_first_misses() -> None:
    expectations, id = expecting(step("a"))

    assert expectations.expire(moment(99)) == ()
    assert expectations.expire(moment(100)) == (id,)
    missed = standing(expectations, id)
    assert (missed.verdict, missed.reason) == (Verdict.MISSED, Reason.DEADLINE.value)


def test_a_message_after_the_deadline_comes_too_late_even_before_anybody_has_looked() -> None:
    expectations, id = expecting(step("a"))

    assert see(expectations, "a", at=100) == [id]
    assert standing(expectations, id).verdict is Verdict.MISSED


def test_never_is_met_by_the_deadline_and_missed_by_the_message() -> None:
    kept, id = expecting(step("Heartbeat"), never=True)
    see(kept, "Handshake")
    assert kept.expire(moment(100)) == (id,)
    assert standing(kept, id).verdict is Verdict.MET

    broken, id = expecting(step("Handshake"), step("Heartbeat", count=2), never=True)
    assert see(broken, "Heartbeat") == []
    broken.observe(message("Heartbeat", entry_id="e-2"), "rejected", moment(5))
    missed = standing(broken, id)
    assert (missed.verdict, missed.reason) == (Verdict.MISSED, Reason.FORBIDDEN.value)
    assert missed.met_by[-1] == "e-2"


def test_never_in_order_is_missed_by_the_whole_sequence_only() -> None:
    expectations, id = expecting(step("a"), step("b"), never=True, ordered=True)

    assert see(expectations, "b", "a") == []
    assert see(expectations, "b") == [id]


def test_every_deadline_is_on_its_own_clock() -> None:
    expectations = Expectations("s")
    ids = [
        expectations.raise_(Expectation((step("a"),), deadline, clock), moment(0))
        for clock, deadline in ((Clock.TARGET, 100), (Clock.WALL, 50), (Clock.RUN, 70), (Clock.RUN, 60))
    ]

    assert expectations.next_deadline() == {Clock.TARGET: 100, Clock.WALL: 50, Clock.RUN: 60}
    assert expectations.expire(Moment(target=99, wall=49, run=60)) == (ids[3],)
    assert expectations.expire(Moment(target=99, wall=50, run=69)) == (ids[1],)
    assert expectations.next_deadline() == {Clock.TARGET: 100, Clock.RUN: 70}


def test_going_offline_retires_what_requires_to_be_online() -> None:
    expectations = Expectations("s")
    online = expectations.raise_(Expectation((step("a"),), 100, requires_online=True), moment(0))
    always = expectations.raise_(Expectation((step("a"),), 100), moment(0))

    assert expectations.went_offline(moment(3)) == (online,)
    assert (standing(expectations, online).verdict, standing(expectations, online).reason) == (Verdict.RETIRED, OFFLINE)
    assert list(expectations.waiting) == [always]


def test_retiring_names_its_reason_and_only_works_once() -> None:
    expectations, id = expecting(step("a"))
    other = expectations.raise_(Expectation((step("a"),), 100), moment(0))
    expectations.retire(id, "no longer of interest", moment(1))

    assert standing(expectations, id).reason == "no longer of interest"
    with pytest.raises(Conflict):
        expectations.retire(id, "again", moment(2))
    with pytest.raises(NotFound):
        expectations.retire("unknown", "", moment(2))
    assert expectations.retire_all("the session is over", moment(3)) == (other,)


def test_what_is_kept_is_bounded() -> None:
    expectations = Expectations("s")
    ids = [expectations.raise_(Expectation((step("a"),), 100), moment(0)) for _ in range(200)]
    with pytest.raises(Conflict, match="200 expectations are waiting already"):
        expectations.raise_(Expectation((step("a"),), 100), moment(0))
    assert len(set(ids)) == 200

    expectations.expire(moment(100))
    assert expectations.find(ids[-MOST_SETTLED]) is not None
    assert expectations.find(ids[-MOST_SETTLED - 1]) is None


STEPS = st.lists(
    st.builds(
        lambda types, count: step(*types, count=count), st.lists(st.sampled_from("ab"), max_size=2), st.integers(1, 3)
    ),
    min_size=1,
    max_size=3,
)
ARRIVALS = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30)), max_size=20)


def completed_after(steps: list[Step], ordered: bool, never: bool, kinds: str) -> int | None:
    """How many messages it takes, found by trying every beginning of `kinds`; None when all are not enough."""

    def enough(seen: str) -> bool:
        def fits(one: Step, kind: str) -> bool:
            return not one.message_types or kind in one.message_types

        if ordered:
            wanted = [one for one in steps for _ in range(one.count)]
            longest = [0] * (len(wanted) + 1)
            for kind in seen:  # the longest common subsequence with what is wanted, row by row
                above = longest[:]
                for place, one in enumerate(wanted, 1):
                    longest[place] = max(above[place], longest[place - 1], above[place - 1] + fits(one, kind))
            return longest[-1] == len(wanted)
        done = [sum(fits(one, kind) for kind in seen) >= one.count for one in steps]
        return any(done) if never else all(done)

    return next((length for length in range(1, len(kinds) + 1) if enough(kinds[:length])), None)


@given(STEPS, st.booleans(), st.booleans(), ARRIVALS, st.booleans())
def test_verdicts_agree_with_trying_every_possibility(
    steps: list[Step], ordered: bool, never: bool, arrivals: list[tuple[str, int]], restarts: bool
) -> None:
    arrivals.sort(key=lambda arrival: arrival[1])
    in_time = "".join(kind for kind, at in arrivals if at < 20)
    expectations, id = expecting(*steps, ordered=ordered, never=never, deadline=20)
    log = expectations.take_pending()

    for kind, at in arrivals:
        see(expectations, kind, at=at)
        log += expectations.take_pending()
        if restarts:
            expectations = Expectations("s")
            expectations.fold(decode(*encode(event)) for event in log)
    expectations.expire(moment(20))

    completed = completed_after(steps, ordered, never, in_time)
    settled = standing(expectations, id)
    assert settled.verdict is (Verdict.MET if (completed is None) is never else Verdict.MISSED)
    if completed is not None:
        assert settled.settled_at == arrivals[completed - 1][1]


@given(STEPS, st.booleans(), st.lists(st.sampled_from("abc"), max_size=15))
def test_progress_only_grows_and_a_restart_from_the_events_changes_nothing(
    steps: list[Step], ordered: bool, kinds: list[str]
) -> None:
    expectations, id = expecting(*steps, ordered=ordered)
    for kind in kinds:
        see(expectations, kind)
        restored = folded(expectations)
        assert restored.state == expectations.state

    progress = [event.counts for event in expectations.pending if isinstance(event, MessageExpectationProgressed)]
    assert all(sum(before) < sum(after) for before, after in pairwise(progress))
    assert all(count <= one.count for count, one in zip(standing(expectations, id).counts, steps, strict=True))


def test_with_nothing_waiting_nothing_is_recorded() -> None:
    expectations = Expectations("s")

    assert see(expectations, "a") == []
    assert expectations.expire(moment(FAR)) == expectations.went_offline(moment(1)) == ()
    assert expectations.pending == []
