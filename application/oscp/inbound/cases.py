"""One received message on its way to a decision: what is known of it before, and how it is told afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from depot_sim.application.http import Mask
from depot_sim.application.oscp.inbound.arrivals import NO_REPLY, Reply
from depot_sim.application.oscp.inbound.resolving import ResolvedRequest
from depot_sim.application.oscp.inbound.segmenting import Joined
from depot_sim.domain.interaction.message import ObservedMessage
from depot_sim.domain.interaction.treatment import UNMARKED, Marks
from depot_sim.domain.kernel.credentials import SecretReference
from depot_sim.domain.kernel.masking import masked_bytes
from depot_sim.domain.oscp.events import OscpMessageOpened
from depot_sim.domain.oscp.findings import Deviation, Finding
from depot_sim.domain.oscp.ledger import Answer, OscpMessageFinalised, OscpMessageRecorded
from depot_sim.domain.oscp.receipt import Receipt
from depot_sim.domain.oscp.rules import Context, window_of
from depot_sim.domain.oscp.verdict import ACCEPTED, Verdict
from depot_sim.domain.oscp.vocabulary import Direction, MessageType, Outcome
from depot_sim.domain.oscp.wire.masking import masked_body
from depot_sim.domain.oscp.wire.messages import Message

_MOST_UNPROVEN = 4
_LONGEST_UNPROVEN = 200
_EMPTY = Reply(ACCEPTED)


class Case(NamedTuple):
    """A message before its decision; `findings` are those that need no session.

    `token` is where that of a Register is kept, unless it is to be refused.
    """

    joined: Joined
    message: Message | None
    findings: tuple[Finding, ...]
    deviations: tuple[Deviation, ...]
    context: Context
    token: SecretReference | None = None

    @property
    def resolved(self) -> ResolvedRequest:
        return self.joined.resolved

    @property
    def is_understood(self) -> bool:
        """Whether it can have an effect at all."""
        if self.resolved.type is MessageType.REGISTER:
            return self.token is not None or self.resolved.arrival.method == "DELETE"
        return self.message is not None


def exchange_of(resolved: ResolvedRequest, at: int, mask: Mask) -> ObservedMessage:
    """The message as overrides and expectations see it, without its secrets."""
    return ObservedMessage(
        direction=Direction.INBOUND,
        message_type=resolved.type,
        target=resolved.attached.session_id,
        request_id=resolved.message_id,
        correlation_id=resolved.answers,
        at=at,
        entry_id=resolved.entry_id,
        headers=resolved.headers,
        raw=masked_bytes(masked_body(resolved.type, resolved.content), mask),
    )


Found = TypeVar("Found", Finding, Deviation)


def without_secrets(found: Iterable[Found], mask: Mask) -> tuple[Found, ...]:
    """Findings or deviations as they may be recorded and answered: without secrets that they quote from a message."""
    return tuple([one if mask(one.found) is one.found else replace(one, found=mask(one.found)) for one in found])


def recordable(found: Iterable[Found], resolved: ResolvedRequest, mask: Mask) -> tuple[Found, ...]:
    """Findings or deviations about a message as they may be recorded and answered.

    Of those about a message whose sender proves nothing, a few are recorded, and of each the beginning. The ones about
    its credentials come first.
    """
    shown = without_secrets(found, mask)
    if not resolved.is_refused_for_credentials:
        return shown
    return tuple([replace(one, found=one.found[:_LONGEST_UNPROVEN]) for one in shown[:_MOST_UNPROVEN]])


def recorded_of(resolved: ResolvedRequest, marks: Marks = UNMARKED) -> OscpMessageRecorded:
    attached, arrival = resolved.attached, resolved.arrival
    return OscpMessageRecorded(
        at=resolved.wall_ms,
        entry_id=resolved.entry_id,
        session_id=attached.session_id,
        run_id=attached.run_id,
        configuration_id=attached.remote_configuration_id,
        direction=Direction.INBOUND,
        message_type=resolved.type,
        request_id=resolved.request_id,
        correlation_id=resolved.correlation_id,
        url=arrival.path,
        headers=resolved.headers,
        body=resolved.body,
        body_bytes=arrival.body_bytes,
        overrides=marks.changed,
        method=arrival.method,
        matched=marks.matched,
    )


def opened_of(resolved: ResolvedRequest, at: int) -> OscpMessageOpened:
    return OscpMessageOpened(
        at,
        resolved.entry_id,
        resolved.stream,
        Direction.INBOUND,
        resolved.type,
        resolved.request_id,
        part=resolved.is_part,
    )


def is_same(recorded: OscpMessageRecorded, resolved: ResolvedRequest) -> bool:
    """Whether the message under the resolved's request id is the resolved's."""
    told = (recorded.message_type, recorded.method, recorded.body)
    return told == (resolved.type, resolved.arrival.method, resolved.body)


def receipt_of(case: Case, decided: Verdict, findings: tuple[Finding, ...]) -> Receipt:
    """A message that nobody could read has no effect, whatever an override makes of it."""
    resolved = case.resolved
    takes_effect = decided.takes_effect and case.is_understood
    plain = Outcome.INDETERMINATE if decided.outcome is Outcome.ACCEPTED else decided.outcome
    return Receipt(
        type=resolved.type,
        message=case.message,
        entry_id=resolved.entry_id,
        request_id=resolved.message_id,
        correlation_id=resolved.answers,
        outcome=Outcome.ACCEPTED if takes_effect else plain,
        validation=decided.validation,
        findings=findings,
        rule=decided.rule,
        window=window_of(case.message) if takes_effect else None,
        method=resolved.arrival.method,
        token=case.token,
    )


def reply_of(decided: Verdict) -> Reply:
    if decided.status == ACCEPTED:
        return _EMPTY
    if not decided.status:
        return NO_REPLY
    headers = [("content-type", "application/json")]
    if decided.retry_after_s is not None:
        headers.append(("retry-after", str(decided.retry_after_s)))
    return Reply(decided.status, tuple(headers), msgspec.json.encode({"message": decided.detail or decided.rule}))


def answer_of(reply: Reply) -> Answer:
    return Answer(reply.status, reply.headers, reply.body.decode())


def reply_again(finalised: OscpMessageFinalised) -> Reply:
    """The answer that was given; what a restart left undecided cannot be answered, and says so."""
    answer = finalised.answer
    if finalised.outcome is Outcome.INDETERMINATE and not answer.status:
        return unavailable(finalised.error)
    return Reply(answer.status, answer.headers, answer.body.encode()) if answer.status else NO_REPLY


def unavailable(detail: str) -> Reply:
    return Reply(503, (("content-type", "application/json"),), msgspec.json.encode({"message": detail}))
