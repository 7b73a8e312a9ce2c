"""The ledger entries of segments: open while others of their message are missing, and then ended."""

from __future__ import annotations

from depot_sim.application.oscp.inbound.cases import answer_of, recorded_of, reply_of
from depot_sim.application.oscp.inbound.segmenting import Part
from depot_sim.application.oscp.session.hosted import HostedSession
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.oscp.findings import Finding
from depot_sim.domain.oscp.ledger import Answer, OscpMessageFinalised, OscpMessageLedgerEntry
from depot_sim.domain.oscp.segments import incomplete
from depot_sim.domain.oscp.verdict import ACCEPTED, Verdict
from depot_sim.domain.oscp.vocabulary import Outcome, Validation


def is_open(hosted: HostedSession, part: Part) -> bool:
    return part.resolved.entry_id in hosted.session.state.open


def finalised(part: Part, decided: Verdict, findings: tuple[Finding, ...], wall_ms: int) -> OscpMessageFinalised:
    """What was answered to a segment; of one that was taken, the rule tells its place."""
    place = part.resolved.place
    rule = decided.rule or (f"segment-{place.index}-of-{place.count}" if place is not None else "")
    answer = answer_of(reply_of(decided))
    return OscpMessageFinalised(wall_ms, decided.outcome, decided.validation, answer, rule, findings)


def joined(hosted: HostedSession, moment: Moment, part: Part) -> OscpMessageLedgerEntry:
    """End a segment whose message is complete."""
    decided = part.verdict
    assert decided is not None, "an open segment was answered"
    hosted.session.close(part.resolved.entry_id, decided.outcome, moment.target)
    return _ended(part, finalised(part, decided, (), moment.wall))


def given_up(hosted: HostedSession, moment: Moment, part: Part) -> OscpMessageLedgerEntry:
    """End a segment whose message will not be complete."""
    hosted.session.close(part.resolved.entry_id, Outcome.FAILED, moment.target)
    return _ended(part, unfinished(part.resolved.attached.policy.segments_within_ms, moment.wall))


def unfinished(within_ms: int, wall_ms: int) -> OscpMessageFinalised:
    """The end of a segment that was taken, and waited for the others in vain."""
    finding = incomplete(within_ms)
    return OscpMessageFinalised(
        wall_ms,
        Outcome.FAILED,
        Validation.REJECTED,
        Answer(ACCEPTED),
        finding.rule,
        (finding,),
        error=f"the message did not come to its end: {finding.found}",
    )


def _ended(part: Part, end: OscpMessageFinalised) -> OscpMessageLedgerEntry:
    entry = OscpMessageLedgerEntry(part.resolved.stream)
    entry.fold((recorded_of(part.resolved),))
    entry.finalise(end)
    return entry
