"""A message on its way out: how it is written, addressed and, where an override says so, spoilt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from depot_sim.application.http import Headers, Mask, Outgoing
from depot_sim.domain.interaction.effects import Mismatch, Mismatched, Slot
from depot_sim.domain.interaction.expectation_events import Expectation
from depot_sim.domain.interaction.malforming import malformed
from depot_sim.domain.interaction.message import ObservedMessage
from depot_sim.domain.interaction.treatment import UNMARKED, UNTREATED, Marks, Treatment
from depot_sim.domain.kernel.address import masked_address
from depot_sim.domain.kernel.credentials import Authorization
from depot_sim.domain.kernel.masking import MASK, masked, masked_by_value, masked_bytes
from depot_sim.domain.oscp import ledger
from depot_sim.domain.oscp.envelope import CONFIGURATION_ID, CORRELATION_ID, REQUEST_ID
from depot_sim.domain.oscp.events import OscpMessageOpened, OscpProviderSessionAttached
from depot_sim.domain.oscp.ledger import OscpMessageRecorded
from depot_sim.domain.oscp.vocabulary import Direction, MessageType
from depot_sim.domain.oscp.wire.masking import masked_body
from depot_sim.domain.oscp.wire.messages import CapacityForecast, Handshake, HandshakeAcknowledge, Message
from depot_sim.domain.oscp.wire.writing import write

_FORBIDDEN = 403
WRONG_GROUP = "another-group"
BY_HAND = "send-message"
"""The name of the intervention that a message with a hand-made body is."""
WRONG_ID = "00000000-0000-0000-0000-000000000000"


class MessageDraft(NamedTuple):
    """A message to be sent. `message` is None for one with a hand-made `body`, made so for this `reason`.

    `provoked_by` is the override that wants it sent. `headers` are laid over the usual ones; None leaves one out.
    `unchecked` sends it whatever the state. `expect` is raised with it; steps that name no correlation are about this
    message.
    """

    type: MessageType
    message: Message | None = None
    body: bytes = b""
    correlation_id: str = ""
    headers: Mapping[str, str | None] = {}
    plan_id: str = ""
    unchecked: bool = False
    provoked_by: str = ""
    reason: str = ""
    expect: Expectation | None = None


class OutboundMessage(NamedTuple):
    """A draft as it is recorded and sent. `copy` counts repetitions; the letter itself is 0.

    `marks` are what interventions made of it, `own_marks` those of them that hold for all segments of its message.
    `allowed_by` is the intervention thanks to which the protocol allows it. `true_body` is the one that overrides keep
    from being sent, empty when `body` is true.

    A message in `segments` travels in as many letters: its first one holds the others' bodies in `rest`, and each of
    them `is_later`. `number` is its place among the messages of its session.
    """

    draft: MessageDraft
    attached: OscpProviderSessionAttached
    request_id: str
    stream: str
    url: str
    correlation_id: str
    headers: Headers
    body: bytes
    treated: Treatment = UNTREATED
    marks: Marks = UNMARKED
    own_marks: Marks = UNMARKED
    allowed_by: str = ""
    true_body: bytes = b""
    copy: int = 0
    segments: int = 1
    rest: tuple[bytes, ...] = ()
    is_later: bool = False
    number: int = 0

    @property
    def entry_id(self) -> str:
        return ledger.entry_id_of(self.stream)

    def treated_so(self, treated: Treatment) -> OutboundMessage:
        """The letter as overrides want it."""
        draft, body, correlation_id, headers = self.draft, self.body, self.correlation_id, self.headers
        if isinstance(treated.outcome, Mismatch):
            match treated.outcome.what:
                case Mismatched.GROUP if isinstance(draft.message, CapacityForecast):
                    wrong = msgspec.structs.replace(draft.message, group_id=WRONG_GROUP)
                    body = write(wrong, draft.type, self.attached.profile)
                case Mismatched.CORRELATION:
                    correlation_id = WRONG_ID
                    headers = with_header(headers, CORRELATION_ID, WRONG_ID)
                case _:
                    headers = with_header(headers, CONFIGURATION_ID, WRONG_ID)
        spoilt = body if treated.malform is None else malformed(body, treated.malform)
        idle = treated.by(Slot.CONTENT) if spoilt == body else ()
        return self._replace(
            treated=treated,
            marks=treated.marks(idle) + self.own_marks,
            body=spoilt,
            true_body=b"" if spoilt == self.body else self.body,
            correlation_id=correlation_id,
            headers=headers,
        )

    def marked(self, own: Marks) -> OutboundMessage:
        """The message marked by interventions other than overrides that treat it."""
        return self._replace(marks=self.marks + own, own_marks=own)

    def marks_when(self, status: int) -> Marks:
        """With what was answered. Only a partner that finds its own state another makes a forced state matter."""
        if not self.allowed_by:
            return self.marks
        by = (self.allowed_by,)
        return self.marks + (Marks(by) if status == _FORBIDDEN else Marks((), by))

    def repeated(self, copy: int) -> OutboundMessage:
        """The same letter once more, with a ledger entry of its own."""
        return self._replace(copy=copy, stream=f"{self.stream}~{copy}")

    def renamed(self, copy: int, request_id: str) -> OutboundMessage:
        """The same message once more, under an id of its own."""
        stream = ledger.stream_of(self.attached.session_id, Direction.OUTBOUND, request_id)
        headers = with_header(self.headers, REQUEST_ID, request_id)
        return self._replace(copy=copy, request_id=request_id, stream=stream, headers=headers)

    def opened(self, at: int) -> OscpMessageOpened:
        return OscpMessageOpened(
            at=at,
            entry_id=self.entry_id,
            stream=self.stream,
            direction=Direction.OUTBOUND,
            message_type=self.draft.type,
            request_id=self.request_id,
            wants_heartbeat_every_ms=_asks(self.draft),
            part=self.copy > 0 or self.is_later,
        )

    def recorded(self, wall_ms: int, mask: Mask) -> OscpMessageRecorded:
        attached = self.attached
        headers = self.headers
        if attached.profile.authorization is not Authorization.NONE and attached.credentials.outbound is not None:
            headers = (*headers, ("Authorization", f"{attached.profile.authorization.value.title()} {MASK}"))
        return OscpMessageRecorded(
            at=wall_ms,
            entry_id=self.entry_id,
            session_id=attached.session_id,
            run_id=attached.run_id,
            configuration_id=attached.remote_configuration_id,
            direction=Direction.OUTBOUND,
            message_type=self.draft.type,
            request_id=self.request_id,
            correlation_id=self.correlation_id,
            url=masked_address(self.url),
            headers=masked_by_value(masked(headers), mask),
            body=self._text(self.body, mask),
            body_bytes=len(self.body),
            overrides=self.marks.changed,
            matched=self.marks_when(0).matched,
            true_body=self._text(self.true_body, mask),
        )

    def _text(self, body: bytes, mask: Mask) -> str:
        return mask(masked_body(self.draft.type, body).decode("utf-8", "backslashreplace")) if body else ""

    def exchange(self, at: int, mask: Mask) -> ObservedMessage:
        """The message as overrides and expectations see it, without its secrets."""
        return ObservedMessage(
            direction=Direction.OUTBOUND,
            message_type=self.draft.type,
            target=self.attached.session_id,
            request_id=self.request_id,
            correlation_id=self.correlation_id,
            at=at,
            entry_id=self.entry_id,
            headers=masked_by_value(masked(self.headers), mask),
            raw=masked_bytes(masked_body(self.draft.type, b"".join((self.body, *self.rest))), mask),
        )

    def outgoing(self) -> Outgoing:
        attached = self.attached
        return Outgoing(
            method="POST",
            url=self.url,
            headers=self.headers,
            body=self.body,
            authorization=attached.profile.authorization,
            credentials=attached.credentials,
            connect_timeout_ms=attached.policy.connect_timeout_ms,
            request_timeout_ms=attached.policy.request_timeout_ms,
        )


def letter_for(draft: MessageDraft, attached: OscpProviderSessionAttached, request_id: str) -> OutboundMessage:
    """The letter as it goes out when nothing interferes."""
    profile = attached.profile
    body = draft.body if draft.message is None else write(draft.message, draft.type, profile)
    headers: Headers = (
        (CONFIGURATION_ID, attached.remote_configuration_id),
        (REQUEST_ID, request_id),
        ("Content-Type", "application/json"),
    )
    if draft.correlation_id:
        headers = with_header(headers, CORRELATION_ID, draft.correlation_id)
    for name, value in draft.headers.items():
        headers = with_header(headers, name, value)
    path = profile.outbound_paths.get(draft.type, f"/{draft.type}")
    stream = ledger.stream_of(attached.session_id, Direction.OUTBOUND, request_id)
    url = attached.betterfleet_base_url.rstrip("/") + path
    return OutboundMessage(
        draft=draft,
        attached=attached,
        request_id=request_id,
        stream=stream,
        url=url,
        correlation_id=draft.correlation_id,
        headers=headers,
        body=body,
    )


def with_header(headers: Headers, name: str, value: str | None) -> Headers:
    """With this header in place of any of the same name; without it when there is no value."""
    others = tuple(header for header in headers if header[0].lower() != name.lower())
    return others if value is None else (*others, (name, value))


def _asks(draft: MessageDraft) -> int | None:
    if isinstance(draft.message, Handshake | HandshakeAcknowledge):
        return draft.message.required_behaviour.heartbeat_interval_ms
    return None
