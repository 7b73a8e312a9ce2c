"""From findings and overrides to the answer: one status, one outcome, and what the simulator thinks of the message."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from depot_sim.domain.interaction.effects import Accept, Ignore, Mismatch, Outage, Reject, Unavailable
from depot_sim.domain.interaction.effects import Outcome as Forced
from depot_sim.domain.oscp.events import Policy
from depot_sim.domain.oscp.findings import Finding, Kind, decisive
from depot_sim.domain.oscp.profile import PartnerProfile
from depot_sim.domain.oscp.rules import WINDOW_INCOMPLETE
from depot_sim.domain.oscp.vocabulary import Outcome, Validation

ACCEPTED = 204
FORBIDDEN = 403
UNAVAILABLE = 503
NO_ANSWER = 0


class Verdict(msgspec.Struct, frozen=True):
    """`takes_effect` tells whether the session is to act on the message. `rule` is what decided."""

    status: int
    outcome: Outcome
    validation: Validation
    rule: str = ""
    detail: str = ""
    retry_after_s: int | None = None
    takes_effect: bool = False


_SOUND = Verdict(ACCEPTED, Outcome.ACCEPTED, Validation.ACCEPTED, takes_effect=True)
_DOUBTFUL = Verdict(ACCEPTED, Outcome.ACCEPTED, Validation.INDETERMINATE, takes_effect=True)


def verdict(
    findings: Sequence[Finding], profile: PartnerProfile, policy: Policy, forced: Forced | None = None
) -> Verdict:
    """What to answer. What an override forces goes before what the rules say; the findings are kept all the same."""
    ruled = by_rules(findings, profile, policy) if findings else _SOUND
    return ruled if forced is None else _forced(forced, ruled)


def by_rules(findings: Sequence[Finding], profile: PartnerProfile, policy: Policy) -> Verdict:
    """The first kind of finding that the profile gives a status decides; the others are only recorded.

    What the world could not be asked about is accepted as indeterminate at most.
    """
    refused = [finding for finding in findings if profile.status(finding.kind) is not None]
    unjudged = any(finding.kind is Kind.STALE or finding.rule == WINDOW_INCOMPLETE for finding in findings)
    if policy.stale is Validation.INDETERMINATE:
        refused = [finding for finding in refused if finding.kind is not Kind.STALE]
    finding = decisive(refused)
    if finding is None:
        return _DOUBTFUL if unjudged else _SOUND
    status = profile.status(finding.kind)
    assert status is not None, "only findings with a status are left"
    validation = Validation.INDETERMINATE if finding.kind is Kind.STALE else Validation.REJECTED
    return Verdict(status, Outcome.REJECTED, validation, finding.rule, _told(finding))


def _forced(forced: Forced, ruled: Verdict) -> Verdict:
    match forced:
        case Accept():
            return Verdict(ACCEPTED, Outcome.ACCEPTED, ruled.validation, ruled.rule, takes_effect=True)
        case Reject(status=status, body=body):
            return Verdict(status, Outcome.REJECTED, ruled.validation, "override.reject", body)
        case Ignore(processed=processed):
            effect = processed and ruled.takes_effect
            return Verdict(NO_ANSWER, Outcome.IGNORED, Validation.IGNORED, "override.ignore", takes_effect=effect)
        case Outage():
            return Verdict(NO_ANSWER, Outcome.IGNORED, Validation.IGNORED, "override.outage")
        case Unavailable(retry_after_s=seconds):
            told = "the simulator's state cannot be used now"
            return Verdict(
                UNAVAILABLE, Outcome.REJECTED, Validation.INDETERMINATE, "override.unavailable", told, seconds
            )
        case Mismatch(what=what):
            told = f"the {what.value} does not match"
            return Verdict(FORBIDDEN, Outcome.REJECTED, ruled.validation, f"override.mismatch-{what.value}", told)
    return ruled


def _told(finding: Finding) -> str:
    place = f" at {finding.pointer}" if finding.pointer else ""
    return f"{finding.rule}{place}: found {finding.found}; expected {finding.expected}"
