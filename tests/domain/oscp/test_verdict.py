"""From findings and overrides to one answer."""

from __future__ import annotations

import pytest

from depot_sim.domain.interaction.effects import Accept, Ignore, Mismatch, Mismatched, Outage, Reject, Unavailable
from depot_sim.domain.interaction.effects import Outcome as Forced
from depot_sim.domain.oscp.events import Policy
from depot_sim.domain.oscp.findings import Finding, Kind
from depot_sim.domain.oscp.profiles import BETTERFLEET_VECTOR, OCA_2_0, derived
from depot_sim.domain.oscp.verdict import Verdict, verdict
from depot_sim.domain.oscp.vocabulary import Outcome, Validation

LENIENT = Policy(stale=Validation.INDETERMINATE)


def a(kind: Kind) -> Finding:
    return Finding(f"rule.{kind}", kind, "this", "that", "/here")


def of(*kinds: Kind, forced: Forced | None = None, policy: Policy | None = None) -> Verdict:
    return verdict([a(kind) for kind in kinds], BETTERFLEET_VECTOR, policy or Policy(), forced)


def test_what_has_no_faults_is_accepted_and_takes_effect() -> None:
    assert of() == Verdict(204, Outcome.ACCEPTED, Validation.ACCEPTED, takes_effect=True)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (Kind.CREDENTIALS, 403),
        (Kind.SESSION, 403),
        (Kind.HEADERS, 422),
        (Kind.SIZE, 422),
        (Kind.CONTENT_TYPE, 422),
        (Kind.MALFORMED, 422),
        (Kind.LIFECYCLE, 403),
        (Kind.BINDING, 403),
        (Kind.CORRELATION, 403),
        (Kind.SCHEMA, 422),
        (Kind.SEMANTICS, 422),
        (Kind.STALE, 503),
    ],
)
def test_the_profile_maps_every_kind_of_fault_to_its_status(kind: Kind, status: int) -> None:
    decided = of(kind)
    assert (decided.status, decided.outcome, decided.takes_effect) == (status, Outcome.REJECTED, False)
    assert decided.rule == f"rule.{kind}"
    assert "/here" in decided.detail


def test_another_profile_maps_them_otherwise() -> None:
    assert verdict([a(Kind.SCHEMA)], OCA_2_0, Policy()).status == 400


def test_a_kind_without_a_status_is_only_recorded() -> None:
    assert of(Kind.NUMBERS) == of()


def test_of_several_faults_the_weightiest_decides_whatever_their_order() -> None:
    kinds = (Kind.SEMANTICS, Kind.LIFECYCLE, Kind.HEADERS, Kind.NUMBERS)
    assert of(*kinds) == of(*reversed(kinds)) == of(Kind.HEADERS)


def test_a_stale_world_is_refused_as_indeterminate_or_accepted_as_indeterminate_never_silently() -> None:
    assert of(Kind.STALE).validation is Validation.INDETERMINATE
    lenient = of(Kind.STALE, policy=LENIENT)
    assert (lenient.status, lenient.validation, lenient.takes_effect) == (204, Validation.INDETERMINATE, True)


def test_a_profile_without_a_status_for_a_stale_world_does_not_accept_it_silently() -> None:
    profile = derived(BETTERFLEET_VECTOR, {"statuses": {"schema": 422}})
    assert verdict([a(Kind.STALE)], profile, Policy()).validation is Validation.INDETERMINATE


def test_a_stale_world_does_not_excuse_another_fault() -> None:
    assert of(Kind.STALE, Kind.SCHEMA, policy=LENIENT).status == 422


# What is forced goes before what the rules say


@pytest.mark.parametrize("kinds", [(), (Kind.LIFECYCLE,)])
def test_a_forced_rejection_keeps_what_the_rules_thought(kinds: tuple[Kind, ...]) -> None:
    decided = of(*kinds, forced=Reject(418, "no tea"))
    assert (decided.status, decided.detail, decided.rule) == (418, "no tea", "override.reject")
    assert decided.validation is (Validation.REJECTED if kinds else Validation.ACCEPTED)
    assert not decided.takes_effect


def test_a_forced_acceptance_takes_effect_and_still_says_what_is_wrong() -> None:
    decided = of(Kind.LIFECYCLE, forced=Accept())
    assert (decided.status, decided.takes_effect, decided.validation) == (204, True, Validation.REJECTED)
    assert decided.rule == "rule.lifecycle"


@pytest.mark.parametrize(
    ("forced", "kinds", "takes_effect"),
    [
        (Ignore(), (), False),
        (Ignore(processed=True), (), True),
        (Ignore(processed=True), (Kind.LIFECYCLE,), False),
        (Outage(), (), False),
    ],
)
def test_what_is_ignored_gets_no_answer(forced: Forced, kinds: tuple[Kind, ...], takes_effect: bool) -> None:
    decided = of(*kinds, forced=forced)
    assert (decided.status, decided.outcome, decided.validation) == (0, Outcome.IGNORED, Validation.IGNORED)
    assert decided.takes_effect is takes_effect


def test_an_unavailable_simulator_cannot_say() -> None:
    decided = of(forced=Unavailable(retry_after_s=9))
    assert (decided.status, decided.validation, decided.retry_after_s) == (503, Validation.INDETERMINATE, 9)


@pytest.mark.parametrize("what", Mismatched)
def test_a_forced_mismatch_says_what_does_not_match(what: Mismatched) -> None:
    decided = of(forced=Mismatch(what))
    assert (decided.status, decided.rule, decided.takes_effect) == (403, f"override.mismatch-{what}", False)
    assert what.value in decided.detail
