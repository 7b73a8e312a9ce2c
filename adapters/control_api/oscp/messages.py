"""…/oscp-sessions/{session_id}/messages: the message ledger, page by page, and each message whole."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from itertools import chain
from typing import Any

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, SkipValidation

from depot_sim.adapters.control_api.backend import Backend
from depot_sim.adapters.control_api.freshness import fresh
from depot_sim.adapters.control_api.interventions import NamedIntervention, Names, names_of
from depot_sim.adapters.control_api.requests import ApiRequest, query_of
from depot_sim.adapters.control_api.shapes import Header, Order, headers_of
from depot_sim.adapters.control_api.times import recorded_us
from depot_sim.application.event_times import position_recorded_before
from depot_sim.domain.kernel.address import masked_address
from depot_sim.domain.kernel.errors import NotFound
from depot_sim.domain.kernel.events import decode
from depot_sim.domain.kernel.instants import written
from depot_sim.domain.kernel.recorded_secrets import shown_body
from depot_sim.domain.oscp.findings import Deviation, Finding
from depot_sim.domain.oscp.ledger import UNRESOLVED, Answer, OscpMessageLedgerEntry
from depot_sim.domain.oscp.vocabulary import Direction, MessageType, Outcome, Validation
from depot_sim.read_models.oscp.messages import MODEL as MESSAGES
from depot_sim.read_models.oscp.messages import Message, Wanted, get_message, list_messages
from depot_sim.read_models.oscp.sessions import MODEL as SESSIONS
from depot_sim.read_models.oscp.sessions import get_session
from depot_sim.read_models.paging import NEWEST


class MessagesQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Only messages that are all of this. `has_override` tells what was done on purpose from what happened.

    `since` and `until` are RFC 3339 times at which messages were recorded. `order` says which come first. Go on with
    the `next` of a page: as `before`, or as `after` when the oldest come first.
    """

    direction: Direction | None = None
    message_type: MessageType | None = None
    outcome: Outcome | None = None
    validation: Validation | None = None
    has_override: bool | None = None
    correlation_id: str | None = None
    request_id: str | None = None
    since: str | None = None
    until: str | None = None
    order: Order = Order.NEWEST
    before: int | None = None
    after: int | None = None
    limit: int = 100


class MessageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a ledger entry in a list and alone."""

    ledger_entry_id: str
    position: int
    at: str
    direction: Direction
    message_type: MessageType
    outcome: Outcome
    deliberate: bool
    changed_by: tuple[NamedIntervention, ...]
    matched_by: tuple[NamedIntervention, ...]
    validation: Validation | None
    status: int | None
    rule: str
    request_id: str
    correlation_id: str
    configuration_id: str
    latency_us: int
    error: str


class MessageSummary(MessageFacts, frozen=True, kw_only=True):
    """A ledger entry. `at` is wall time; `position` is its place in the event log.

    `validation` is what the simulator thinks of a message it received, whatever it answered. `status` is the HTTP
    status of the answer, null without one. `rule` is the one that decided; `findings` and `deviations` are counts.
    It is `deliberate` when something in `changed_by` made a difference to it on purpose; otherwise what became of it
    happened by itself. What is in `matched_by` was in force and made no difference.
    """

    findings: int
    deviations: int


class MessageList(msgspec.Struct, frozen=True):
    """`next` asks for the following page; null at the end."""

    messages: list[MessageSummary]
    next: int | None


class AnswerView(msgspec.Struct, frozen=True):
    """What the receiver answered."""

    status: int
    headers: tuple[Header, ...]
    body: str


class MessageView(MessageFacts, frozen=True, kw_only=True):
    """A ledger entry, whole, otherwise as in the list. Secrets in headers are masked.

    `body` is as it was received or sent; of one that was too large the beginning, `body_bytes` is its full size.
    `true_body` is what would have been sent if nothing had been done on purpose, null when that is `body`.
    `answer` is null while there is none. `findings` are all rules that failed, `deviations` what was tolerated.
    """

    session_id: str
    run_id: str
    method: str
    url: str
    headers: tuple[Header, ...]
    body: str
    body_bytes: int
    true_body: str | None
    answer: AnswerView | None
    findings: tuple[Finding, ...]
    deviations: tuple[Deviation, ...]
    finalised_at: str | None


@get(
    "/",
    name="list_oscp_messages",
    summary="Read the message ledger of a session",
    dependencies={"asked": query_of(MessagesQuery)},
)
async def list_session_messages(
    request: ApiRequest,
    run_id: FromPath[str],
    session_id: FromPath[str],
    asked: NamedDependency[SkipValidation[MessagesQuery]],
) -> MessageList:
    """Every message it has received or sent, the newest first."""

    def read() -> MessageList:
        fresh(request.backend, SESSIONS, MESSAGES)
        _check_session(request.backend, run_id, session_id)
        return _page(request.backend, session_id, asked)

    return await asyncio.to_thread(read)


@get("/{ledger_entry_id:str}", name="get_oscp_message", summary="Read one message, whole")
async def get_session_message(
    request: ApiRequest, run_id: FromPath[str], session_id: FromPath[str], ledger_entry_id: FromPath[str]
) -> MessageView:
    """With headers, bodies, every failed rule and every tolerated deviation."""

    def read() -> MessageView:
        fresh(request.backend, SESSIONS, MESSAGES)
        _check_session(request.backend, run_id, session_id)
        return _whole(request.backend, session_id, ledger_entry_id)

    return await asyncio.to_thread(read)


@get(
    "/oscp-messages/unresolved",
    name="list_unresolved_oscp_messages",
    summary="Read the messages that belong to no session",
    dependencies={"asked": query_of(MessagesQuery)},
)
async def list_unresolved_messages(
    request: ApiRequest, asked: NamedDependency[SkipValidation[MessagesQuery]]
) -> MessageList:
    """Those with an unknown configuration or a refused token, the newest first."""

    def read() -> MessageList:
        fresh(request.backend, MESSAGES)
        return _page(request.backend, UNRESOLVED, asked)

    return await asyncio.to_thread(read)


@get(
    "/oscp-messages/unresolved/{ledger_entry_id:str}",
    name="get_unresolved_oscp_message",
    summary="Read one message that belongs to no session, whole",
)
async def get_unresolved_message(request: ApiRequest, ledger_entry_id: FromPath[str]) -> MessageView:
    """As a message of a session."""

    def read() -> MessageView:
        fresh(request.backend, MESSAGES)
        return _whole(request.backend, UNRESOLVED, ledger_entry_id)

    return await asyncio.to_thread(read)


MESSAGE_ROUTES: list[HTTPRouteHandler] = [list_session_messages, get_session_message]
UNRESOLVED_ROUTES: list[HTTPRouteHandler] = [list_unresolved_messages, get_unresolved_message]


def _check_session(backend: Backend, run_id: str, session_id: str) -> None:
    session = get_session(backend.database(SESSIONS), session_id)
    if session is None or session.run_id != run_id:
        raise NotFound(f"run {run_id} has no OSCP session {session_id}", "list its sessions to see their ids")


def _page(backend: Backend, session_id: str, asked: MessagesQuery) -> MessageList:
    after, before = _bounds(backend, asked)
    wanted = Wanted(
        direction=asked.direction,
        message_type=asked.message_type,
        outcome=asked.outcome,
        validation=asked.validation,
        deliberate=asked.has_override,
        correlation_id=asked.correlation_id,
        request_id=asked.request_id,
    )
    page = list_messages(
        backend.database(MESSAGES),
        session_id,
        wanted,
        after=after,
        before=before,
        oldest_first=asked.order is Order.OLDEST,
        limit=asked.limit,
    )
    names = _names(backend, page.messages)
    return MessageList([_summary(message, names) for message in page.messages], page.next)


def _bounds(backend: Backend, asked: MessagesQuery) -> tuple[int, int]:
    """Positions strictly between which the messages are; times are looked up in the log."""
    after = 0 if asked.after is None else asked.after
    before = NEWEST if asked.before is None else asked.before
    if asked.since is not None:
        after = max(after, position_recorded_before(backend.log, recorded_us(asked.since, "/since")))
    if asked.until is not None:
        before = min(before, position_recorded_before(backend.log, recorded_us(asked.until, "/until") + 1) + 1)
    return after, before


def _names(backend: Backend, messages: Iterable[Message]) -> Names:
    """Of all interventions that these messages name."""
    return names_of(backend, chain.from_iterable((*message.overrides, *message.matched) for message in messages))


def _summary(message: Message, names: Names) -> MessageSummary:
    return MessageSummary(**_facts(message, names), findings=message.findings, deviations=message.deviations)


def _facts(message: Message, names: Names) -> dict[str, Any]:
    return {
        "ledger_entry_id": message.entry_id,
        "position": message.position,
        "at": written(message.at),
        "direction": Direction(message.direction),
        "message_type": MessageType(message.message_type),
        "outcome": Outcome(message.outcome),
        "deliberate": message.deliberate,
        "changed_by": names.of(message.overrides),
        "matched_by": names.of(message.matched),
        "validation": Validation(message.validation) if message.validation else None,
        "status": message.status or None,
        "rule": message.rule,
        "request_id": message.request_id,
        "correlation_id": message.correlation_id,
        "configuration_id": message.configuration_id,
        "latency_us": message.latency_us,
        "error": masked_address(message.error),
    }


def _whole(backend: Backend, session_id: str, entry_id: str) -> MessageView:
    message = get_message(backend.database(MESSAGES), entry_id)
    if message is None or message.session_id != session_id:
        raise NotFound(f"there is no ledger entry {entry_id} here", "list the messages to see their ids")
    entry = OscpMessageLedgerEntry(message.stream)
    entry.fold(decode(row.topic, row.state) for row in backend.log.read_stream(message.stream))
    recorded, finalised = entry.state.recorded, entry.state.finalised
    assert recorded is not None, "the read model has it from its record"
    return MessageView(
        **_facts(message, _names(backend, [message])),
        session_id=recorded.session_id,
        run_id=recorded.run_id,
        method=recorded.method,
        url=masked_address(recorded.url),
        headers=headers_of(recorded.headers),
        body=shown_body(recorded.body),
        body_bytes=recorded.body_bytes,
        true_body=shown_body(recorded.true_body) or None,
        answer=None if finalised is None else _answer(finalised.answer),
        findings=() if finalised is None else finalised.findings,
        deviations=() if finalised is None else finalised.deviations,
        finalised_at=None if finalised is None else written(finalised.at),
    )


def _answer(answer: Answer) -> AnswerView | None:
    return AnswerView(answer.status, headers_of(answer.headers), shown_body(answer.body)) if answer.status else None
