"""Which state of the session takes which message."""

from __future__ import annotations

from collections.abc import Iterator

from domain.oscp.findings import Finding, Kind
from domain.oscp.messages import Heartbeat
from domain.oscp.rules.context import Case
from domain.oscp.times import format_instant
from domain.oscp.vocabulary import LIVE, Lifecycle

OFFLINE = frozenset({Lifecycle.OFFLINE})
AWAITING = frozenset({Lifecycle.AWAITING_HANDSHAKE_ACKNOWLEDGE})


def not_ended(case: Case) -> Iterator[Finding]:
    """A session that has ended takes nothing more."""
    if case.state.detached:
        yield Finding("session.ended", Kind.SESSION, "a session that has ended", "an active session")


def offline(case: Case) -> Iterator[Finding]:
    """A handshake begins a relation; in the middle of one it is refused."""
    return _in_state(case, OFFLINE, "handshake.not-offline")


def awaiting_acknowledgement(case: Case) -> Iterator[Finding]:
    return _in_state(case, AWAITING, "acknowledge.not-awaited")


def live(case: Case) -> Iterator[Finding]:
    return _in_state(case, LIVE, "session.not-online")


def ahead_of_now(case: Case) -> Iterator[Finding]:
    """A heartbeat promises something of the future."""
    message, now = case.message, case.context.now
    if isinstance(message, Heartbeat) and message.offline_mode_at <= now:
        found, expected = format_instant(message.offline_mode_at), f"an instant after {format_instant(now)}"
        yield Finding("heartbeat.in-the-past", Kind.SEMANTICS, found, expected, "/offline_mode_at")


def _in_state(case: Case, states: frozenset[Lifecycle], rule: str) -> Iterator[Finding]:
    if case.state.lifecycle not in states:
        expected = " or ".join(sorted(state.value for state in states))
        yield Finding(rule, Kind.LIFECYCLE, f"the session {case.state.lifecycle.value}", expected)
