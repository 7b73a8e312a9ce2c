"""A scenario's execution: what is due when, what is kept, and the verdict."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.interaction.expectation_events import Verdict
from depot_sim.domain.kernel.errors import CommandRefused, Conflict, Fault, InvalidInput
from depot_sim.domain.kernel.events import decode, encode
from depot_sim.domain.kernel.quantities import Share
from depot_sim.domain.run.commands import SetBessStateOfCharge
from depot_sim.domain.run.world.state import NEVER
from depot_sim.domain.scenario.execution import Done, ExecutionStatus, ScenarioExecution
from depot_sim.domain.scenario.execution_events import ScenarioExecutionStarted, ScenarioStepRefused, ScenarioVerdict
from tests.domain.scenario.scripts import READER, execution, script


def reloaded(execution: ScenarioExecution) -> ScenarioExecution:
    """As the log would give it back."""
    loaded = ScenarioExecution(execution.run_id, execution.execution_id, READER)
    encoded = [encode(event) for event in execution.pending]
    loaded.fold(decode(event.topic, event.state) for event in encoded)
    return loaded


def play_to_its_end(execution: ScenarioExecution) -> int:
    at = execution.started.begins_at
    while (step := execution.next_step) is not None:
        at = max(at, execution.due_at(step))
        execution.applied(at, Done())
    return execution.ends_at


def test_steps_come_due_in_order_counted_from_its_beginning() -> None:
    begun = execution(at=5_000, begins_at=60_000)
    moments = []
    while (step := begun.next_step) is not None:
        moments.append(begun.next_moment(5_000))
        begun.applied(begun.due_at(step), Done())

    assert moments == [60_000, 150_000, 150_000, 660_000]
    assert begun.next_moment(660_000) == begun.ends_at == 960_000
    assert begun.next_moment(960_000) == NEVER


@pytest.mark.parametrize(("clock", "latest_end"), [("session", 640_700), ("run", 640_700), ("wall", 600_500)])
def test_what_it_expects_on_the_run_s_clock_puts_its_latest_end_off(clock: str, latest_end: int) -> None:
    expected = {"on": "$feed", "within": "40.2 s", "clock": clock, "messages": [{"message_types": ["Answer"]}]}
    steps = [{"at": "600.5 s", "expect": expected}]
    begun = execution(script(needs={"feed": "packet-feed"}, steps=steps, lasts=None), feed="gateway")
    assert (begun.ends_at, begun.latest_end) == (600_500, latest_end)
    begun.applied(601_000, Done(target="gateway", expectation_id="e-1"))
    assert begun.latest_end == latest_end + (0 if clock == "wall" else 500)


def test_it_cannot_begin_before_it_is_started() -> None:
    assert execution(at=5_000, begins_at=0).started.begins_at == 5_000


def test_names_are_resolved_when_a_step_is_carried_out() -> None:
    begun = execution(battery="big-one")
    step = begun.next_step
    assert step is not None
    assert begun.command_of(step) == SetBessStateOfCharge("big-one", Share.parse("40 %"))


def test_the_whole_document_is_pinned() -> None:
    raw = script()
    assert msgspec.json.decode(execution(raw).started.script) == raw


EXPECTING = script(
    needs={"feed": "packet-feed"},
    steps=[
        {"at": "1 s", "expect": {"on": "$feed", "within": "9 s", "messages": [{}]}},
        {"at": "2 s", "expect": {"on": "$feed", "within": "9 s", "messages": [{}]}},
    ],
)


def judged(*verdicts: Verdict, undelivered: tuple[str, ...] = ()) -> ScenarioExecution:
    """Over, with these verdicts on what its two steps expect."""
    begun = execution(EXPECTING, feed="gateway")
    for number in (1, 2):
        begun.applied(number * 1_000, Done(target="gateway", expectation_id=f"e-{number}"))
    for index, verdict in enumerate(verdicts):
        begun.settle(9_000, index, verdict, "a packet", "why")
    begun.finish(begun.ends_at, undelivered)
    return begun


def test_it_passes_when_everything_was_done_and_met() -> None:
    begun = judged(Verdict.MET, Verdict.MET)
    at = begun.ends_at
    assert (begun.is_over(at - 1), begun.next_moment(at)) == (False, NEVER)
    assert (begun.status, begun.verdict, begun.reasons) == (ExecutionStatus.PASSED, ScenarioVerdict.PASSED, ())


def test_a_scenario_that_expects_nothing_is_unverified() -> None:
    begun = execution()
    begun.finish(play_to_its_end(begun))
    assert (begun.status, begun.verdict) == (ExecutionStatus.UNVERIFIED, ScenarioVerdict.UNVERIFIED)
    assert begun.reasons == ("the scenario expects no message, so nothing was verified",)


def test_an_expectation_closed_without_a_verdict_leaves_it_unverified() -> None:
    begun = judged(Verdict.MET, Verdict.RETIRED)
    assert begun.verdict is ScenarioVerdict.UNVERIFIED
    assert begun.reasons == ("step 2: a packet was closed without a verdict (why)",)


def test_a_missed_expectation_weighs_more_than_one_without_a_verdict() -> None:
    begun = judged(Verdict.RETIRED, Verdict.MISSED)
    assert (begun.verdict, begun.reasons) == (ScenarioVerdict.FAILED, ("step 2: a packet was missed (why)",))


def test_what_was_due_and_not_delivered_fails_it_although_every_expectation_was_met() -> None:
    begun = judged(Verdict.MET, Verdict.MET, undelivered=("3 packets were not delivered",))
    assert (begun.verdict, begun.reasons) == (ScenarioVerdict.FAILED, ("3 packets were not delivered",))


@pytest.mark.parametrize("verdict", ["passed", "failed"])
def test_the_verdict_that_an_older_version_recorded_stands(verdict: str) -> None:
    """Also on a scenario that expected nothing, which passed then."""
    begun = execution()
    play_to_its_end(begun)
    reasons = ("step 1 (set-bess-soc) was refused: no",) if verdict == "failed" else ()
    recorded = msgspec.json.encode({"at": 960_000, "verdict": verdict, "reasons": reasons})
    begun.fold([decode("scenario.execution-finished.1", recorded)])
    assert (begun.status.value, begun.verdict, begun.reasons) == (verdict, ScenarioVerdict(verdict), reasons)


def test_a_refused_step_does_not_end_it_but_decides_its_verdict() -> None:
    begun = execution()
    begun.refused(0, InvalidInput([Fault("/soc", "120 %", "a share from 0 % to 100 %")]))
    at = play_to_its_end(begun)
    begun.settle(at, 8, Verdict.MISSED, "the answer", "deadline")
    begun.settle(at, 7, Verdict.MET)
    begun.finish(at)
    ended = begun.state.ended

    assert ended is not None
    assert getattr(ended, "verdict", None) is ScenarioVerdict.FAILED
    assert getattr(ended, "reasons", ()) == (
        "step 1 (set-bess-soc) was refused: /soc: found 120 %; expected a share from 0 % to 100 %",
        "step 9: the answer was missed (deadline)",
    )


def test_a_refusal_keeps_its_reason_and_hint() -> None:
    begun = execution()
    begun.refused(7, CommandRefused("it is off", "switch it on"))
    assert begun.state.outcomes == [
        ScenarioStepRefused(7, 0, 0, "set-bess-soc", "command-refused", "it is off", "switch it on")
    ]


def test_what_is_stopped_stays_stopped() -> None:
    begun = execution()
    begun.stop(1, "called off")
    assert (begun.status, begun.next_step, begun.next_moment(1)) == (ExecutionStatus.STOPPED, None, NEVER)
    assert (begun.verdict, begun.reasons) == (ScenarioVerdict.UNVERIFIED, ("called off",))
    with pytest.raises(Conflict, match="is stopped"):
        begun.stop(2, "again")


def test_what_is_stopped_after_a_refused_step_has_failed() -> None:
    begun = execution()
    begun.refused(0, CommandRefused("it is off"))
    begun.stop(1, "called off")
    assert begun.verdict is ScenarioVerdict.FAILED
    assert begun.reasons == ("called off", "step 1 (set-bess-soc) was refused: it is off")


def test_raised_expectations_are_remembered_with_their_targets() -> None:
    steps = [{"at": "1 s", "expect": {"on": "$session", "within": "9 s", "messages": [{}]}}]
    begun = execution(script(needs={"session": "oscp-session"}, steps=steps), session="s-1")
    begun.applied(1_000, Done(target="s-1", expectation_id="e-1"))
    assert reloaded(begun).open_expectations() == [(0, "oscp-session", "s-1", "e-1")]
    begun.settle(2_000, 0, Verdict.MET)
    assert reloaded(begun).open_expectations() == []


def test_a_document_of_another_version_is_left_alone() -> None:
    begun = ScenarioExecution("r", "1", READER)
    strange = msgspec.Raw(b'{"name": "from-later", "steps": [{"at": "0 s", "open-the-roof": {}}]}')
    begun.fold([ScenarioExecutionStarted(0, "r", "1", "request", strange, {}, 0)])
    assert (begun.status, begun.next_step, begun.next_moment(0)) == (ExecutionStatus.UNREADABLE, None, NEVER)
    assert begun.script.name == "from-later"


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 400_000)), min_size=0, max_size=4), st.booleans())
def test_whatever_happened_it_is_the_same_when_it_is_loaded_again(
    outcomes: list[tuple[bool, int]], is_stopped: bool
) -> None:
    begun, at = execution(), 0
    for is_applied, later in outcomes:
        step = begun.next_step
        assert step is not None
        at = max(at + later, begun.due_at(step))
        if is_applied:
            begun.applied(at, Done(topics=("run.ticked.1",)))
        else:
            begun.refused(at, CommandRefused("no"))
    if is_stopped:
        begun.stop(at, "called off")
    elif len(outcomes) == 4 and begun.is_over(begun.ends_at):
        begun.finish(begun.ends_at)
    again = reloaded(begun)

    assert (again.version, again.status, again.next_step) == (begun.version, begun.status, begun.next_step)
    assert (again.state.outcomes, again.state.ended) == (begun.state.outcomes, begun.state.ended)
    assert again.next_moment(at) == begun.next_moment(at)
    assert again.started == begun.started


def test_only_overrides_that_its_steps_have_applied_are_its_own() -> None:
    steps = [
        {"at": "0 s", "override": {"on": "$feed", "mode": "network_outage"}},
        {"at": "0 s", "clear-overrides": {"on": "$feed"}},
    ]
    begun = execution(script(needs={"feed": "packet-feed"}, steps=steps), feed="gateway")
    begun.applied(0, Done(target="gateway", override_ids=("o-1",)))
    begun.applied(0, Done(target="gateway", override_ids=("o-1", "o-of-somebody-else")))
    assert begun.overrides == {"o-1"}
