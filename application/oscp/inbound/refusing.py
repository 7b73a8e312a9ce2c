"""Refuses messages before any session processes them, and records them within bounds.

Two kinds: messages that resolve to no session, and messages to a session that is closed because it has no inbound
credentials. Their senders prove nothing, so of each sender and hour the first 2 kB are recorded; further messages are
counted by the audit of refused requests. Messages that a session refuses for want of its token share this room.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from depot_sim.application.access.refusals import RefusalAudit, RefusalLimit, RefusedRequest
from depot_sim.application.event_log import Journal
from depot_sim.application.http import Headers, Mask
from depot_sim.application.ids import IdSource
from depot_sim.application.oscp.inbound.arrivals import Arrival, Reply
from depot_sim.application.oscp.session.time import SessionTime
from depot_sim.application.repository import pending_append
from depot_sim.domain.access.refused import HOUR_MS, OTHERS
from depot_sim.domain.kernel.masking import masked, masked_by_value, masked_id
from depot_sim.domain.oscp import ledger
from depot_sim.domain.oscp.events import OscpProviderSessionAttached
from depot_sim.domain.oscp.findings import Finding, Kind
from depot_sim.domain.oscp.ledger import UNRESOLVED, OscpMessageFinalised, OscpMessageLedgerEntry, OscpMessageRecorded
from depot_sim.domain.oscp.vocabulary import Direction, MessageType, Outcome, Validation
from depot_sim.domain.oscp.wire.masking import masked_body

SURFACE = "oscp"
KEPT_BYTES = 2_048
"""Of the headers and bodies of one sender's refused messages in an hour."""
MOST_SENDERS = 256
"""Senders with room of their own in an hour; the rest share the room of one."""
_LEAST_BYTES = 128  # what an entry counts for at least, so that tiny messages are bounded too
_LONGEST_ID = 200
_JSON = ("content-type", "application/json")


class Kept(NamedTuple):
    """What is recorded of a refused message, masked."""

    headers: Headers
    body: str


class KeptBytes:
    """How many bytes of refused messages may still be recorded, by sender and hour."""

    def __init__(self) -> None:
        self._hour = 0
        self._left: dict[str, int] = {}

    def left(self, sender: str, wall_ms: int) -> int:
        """What is left of the sender's room in this hour; 0 or less when nothing is."""
        hour = wall_ms // HOUR_MS
        if hour != self._hour:
            self._hour, self._left = hour, {}
        return self._left.get(self._named(sender), KEPT_BYTES)

    def use(self, sender: str, count: int) -> None:
        name = self._named(sender)
        self._left[name] = self._left.get(name, KEPT_BYTES) - max(count, _LEAST_BYTES)

    def _named(self, sender: str) -> str:
        return sender if sender in self._left or len(self._left) < MOST_SENDERS else OTHERS


class RefusedMessages:
    """Answers refused messages. `limit` is how many a sender may send, `audit` counts them all."""

    def __init__(
        self,
        time: SessionTime,
        ids: IdSource,
        journal: Journal,
        mask: Mask,
        limit: RefusalLimit,
        audit: RefusalAudit,
    ) -> None:
        self._time = time
        self._ids = ids
        self._journal = journal
        self._mask = mask
        self._limit = limit
        self._audit = audit
        self._kept = KeptBytes()

    def count(self, arrival: Arrival, rule: str) -> Reply | None:
        """Count a refused message. The 429 response when its sender has sent too many, None otherwise."""
        wait = self._limit.take(arrival.sender)
        self._audit.note(RefusedRequest(arrival.sender, SURFACE, arrival.path, "rate" if wait else rule))
        if not wait:
            return None
        body = {"message": f"too many refused messages came from this address; wait {wait} s"}
        return Reply(429, (_JSON, ("retry-after", str(wait))), msgspec.json.encode(body))

    async def refuse(
        self, arrival: Arrival, type: MessageType, finding: Finding, to: OscpProviderSessionAttached | None = None
    ) -> Reply:
        """403 for the reason that `finding` gives, counted and recorded; 429 beyond the limit.

        `to` is the session that the message names, None for one that resolves to no session. Raises StoreError.
        """
        limited = self.count(arrival, finding.rule)
        if limited is not None:
            return limited
        finding = msgspec.structs.replace(finding, found=self._mask(finding.found))
        reply = Reply(403, (_JSON,), msgspec.json.encode({"message": finding.found}))
        text = self._mask(masked_body(type, arrival.body).decode("utf-8", "backslashreplace"))
        kept = self.keep(arrival.sender, masked_by_value(masked(arrival.headers), self._mask), text)
        if kept is not None:
            await self._record(arrival, type, finding, reply, kept, to)
        return reply

    def keep(self, sender: str, headers: Headers, body: str) -> Kept | None:
        """What may still be recorded of a sender's refused message; None when its room in this hour is used up."""
        room = self._kept.left(sender, self._time.wall_ms())
        if room <= 0:
            return None
        first = _first_headers(headers, room // 2)
        used = _bytes_of(first)
        text = body.encode()[: room - used].decode("utf-8", "ignore")
        self._kept.use(sender, used + len(text.encode()))
        return Kept(first, text)

    async def _record(
        self,
        arrival: Arrival,
        type: MessageType,
        finding: Finding,
        reply: Reply,
        kept: Kept,
        to: OscpProviderSessionAttached | None,
    ) -> None:
        session_id, run_id = (UNRESOLVED, "") if to is None else (to.session_id, to.run_id)
        stream = ledger.stream_of(session_id, Direction.INBOUND, self._ids.new_id())
        entry = OscpMessageLedgerEntry(stream)
        entry.handle(
            OscpMessageRecorded(
                at=self._time.wall_ms(),
                entry_id=ledger.entry_id_of(stream),
                session_id=session_id,
                run_id=run_id,
                configuration_id=self._id(arrival, "x-oscp-configuration-id"),
                direction=Direction.INBOUND,
                message_type=type,
                request_id=self._id(arrival, "x-request-id"),
                correlation_id=self._id(arrival, "x-correlation-id"),
                url=arrival.path,
                headers=kept.headers,
                body=kept.body,
                body_bytes=arrival.body_bytes,
                method=arrival.method,
            ),
            OscpMessageFinalised(
                self._time.wall_ms(),
                Outcome.REJECTED,
                Validation.REJECTED,
                ledger.Answer(reply.status, reply.headers, reply.body.decode()),
                finding.rule,
                (finding,),
            ),
        )
        await self._journal.append(pending_append((entry,)))

    def _id(self, arrival: Arrival, name: str) -> str:
        """The id in a header, masked before it is cut: a cut secret is not recognised."""
        return masked_id(arrival.header(name), self._mask)[:_LONGEST_ID]


CLOSED_SESSION = Finding(
    "credentials.required",
    Kind.CREDENTIALS,
    "the session has no inbound credentials, and beyond loopback it takes no message without",
    "a session with credentials.inbound, or the service started with --open oscp",
)
"""Why a session without inbound credentials refuses a message that does not come from this machine."""


def _first_headers(headers: Headers, most: int) -> Headers:
    """Those that fit into so many bytes, in their order."""
    kept, used = [], 0
    for name, value in headers:
        size = len(name) + len(value)
        if used + size <= most:
            kept.append((name, value))
            used += size
    return tuple(kept)


def _bytes_of(headers: Headers) -> int:
    return sum(len(name) + len(value) for name, value in headers)
