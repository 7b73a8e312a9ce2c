"""The message ledger: one stream per message, recorded once and finalised once, which the key of the log enforces."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import sha1, sha256
from typing import Any, ClassVar
from uuid import UUID, uuid5

import msgspec

from depot_sim.domain.kernel.aggregate import Aggregate
from depot_sim.domain.kernel.errors import Conflict
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.oscp.findings import Deviation, Finding
from depot_sim.domain.oscp.recorded_secrets import shown_handled, shown_message
from depot_sim.domain.oscp.vocabulary import Direction, MessageType, Outcome, Validation

_NAMES = UUID("0d4f3b0e-52c1-5f5e-9d0b-5a1c0e9d2f10")
_NAMESPACE = _NAMES.bytes
_LONGEST_ID = 120
_STREAM = re.compile(r"oscp-message-(.+?)-(?:inbound|outbound)-")
UNRESOLVED = "unresolved"
"""Stands for the session of messages that belong to none."""


class OscpMessageRecorded(Event, frozen=True):
    """A message as it was received, or as it is about to be sent. Secrets in `headers` and `body` are masked.

    `at` is wall time in ms since 1970. Of a body beyond what the service takes, the beginning is kept and its full
    `body_bytes`. `overrides` are the ids of the interventions that have changed it so far, `matched` of those that only
    matched it. `true_body` is what would have been sent without them, empty when that is `body`.
    """

    TOPIC: ClassVar[str] = "oscp.message-recorded.1"
    SHOWN = shown_message
    at: int
    entry_id: str
    session_id: str
    run_id: str
    configuration_id: str
    direction: Direction
    message_type: MessageType
    request_id: str
    correlation_id: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: str
    body_bytes: int
    overrides: tuple[str, ...] = ()
    method: str = "POST"
    matched: tuple[str, ...] = ()
    true_body: str = ""


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the receiver answered. Status 0: nothing."""

    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""


class OscpMessageFinalised(Event, frozen=True):
    """What became of it. `rule` is the one that decided; `error` says why it could not be delivered."""

    TOPIC: ClassVar[str] = "oscp.message-finalised.1"
    SHOWN = shown_message
    at: int
    outcome: Outcome
    validation: Validation | None = None
    answer: Answer = Answer()
    rule: str = ""
    findings: tuple[Finding, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    latency_us: int = 0
    error: str = ""
    overrides: tuple[str, ...] = ()
    matched: tuple[str, ...] = ()


class OscpMessageHandled(Event, frozen=True):
    """A message that was recorded and finalised in one, as most of those received are."""

    TOPIC: ClassVar[str] = "oscp.message-handled.1"
    SHOWN = shown_handled
    recorded: OscpMessageRecorded
    finalised: OscpMessageFinalised


class EntryState:
    __slots__ = ("finalised", "recorded")

    def __init__(self) -> None:
        self.recorded: OscpMessageRecorded | None = None
        self.finalised: OscpMessageFinalised | None = None


def _record(state: EntryState, event: OscpMessageRecorded) -> None:
    state.recorded = event


def _finalise(state: EntryState, event: OscpMessageFinalised) -> None:
    state.finalised = event


def _handle(state: EntryState, event: OscpMessageHandled) -> None:
    state.recorded = event.recorded
    state.finalised = event.finalised


class OscpMessageLedgerEntry(Aggregate[EntryState]):
    """One message: an attempt to send it, or its receipt."""

    handlers: ClassVar[Mapping[type[Event], Callable[[Any, Any], None]]] = {
        OscpMessageRecorded: _record,
        OscpMessageFinalised: _finalise,
        OscpMessageHandled: _handle,
    }
    __slots__ = ()

    def __init__(self, stream: str) -> None:
        super().__init__(stream, EntryState())

    def record(self, recorded: OscpMessageRecorded) -> None:
        """Begin the entry of a message whose outcome is not known yet."""
        self._check_is_new(recorded)
        self.emit(recorded)

    def finalise(self, finalised: OscpMessageFinalised) -> None:
        if self.state.recorded is None or self.state.finalised is not None:
            raise Conflict("only a recorded message that is not finalised can be", "its first outcome holds")
        self.emit(finalised)

    def handle(self, recorded: OscpMessageRecorded, finalised: OscpMessageFinalised) -> None:
        """Record and finalise in one."""
        self._check_is_new(recorded)
        self.emit(OscpMessageHandled(recorded, finalised))

    def _check_is_new(self, recorded: OscpMessageRecorded) -> None:
        if self.state.recorded is not None:
            raise Conflict(f"message {recorded.request_id} is recorded already", "its first outcome holds")


def stream_of(session_id: str, direction: Direction, request_id: str) -> str:
    """Request ids are foreign text: one that is long or odd is named by its hash."""
    name = request_id if _is_plain(request_id) else "sha256:" + sha256(request_id.encode()).hexdigest()
    return f"oscp-message-{session_id}-{direction.value}-{name}"


def session_id_in(stream: str) -> str:
    """The session, or UNRESOLVED, that a message's stream names."""
    named = _STREAM.match(stream)
    assert named is not None, "the stream of a message"
    return named[1]


@lru_cache(maxsize=1024)  # each message asks for it many times
def entry_id_of(stream: str) -> str:
    """The UUID of version 5 of the stream's name, made without the objects that uuid5() takes the longest over."""
    digest = sha1(_NAMESPACE + stream.encode(), usedforsecurity=False).hexdigest()
    variant = "89ab"[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def request_id_of(session_id: str, count: int) -> str:
    """The id of the session's `count`-th message: the same whenever the run is the same."""
    return str(uuid5(_NAMES, f"{session_id}/{count}"))


def _is_plain(text: str) -> bool:
    return 0 < len(text) <= _LONGEST_ID and text.isascii() and text.isprintable()
