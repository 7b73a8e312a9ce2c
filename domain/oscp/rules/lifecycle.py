"""Whether the session takes a message at all: it has not ended, and its state allows this type."""

from __future__ import annotations

from collections.abc import Iterator

from depot_sim.domain.oscp.findings import Finding, Kind
from depot_sim.domain.oscp.lifecycle import PARTNER_MAY_SEND
from depot_sim.domain.oscp.rules.context import Case
from depot_sim.domain.oscp.wire.messages import Heartbeat
from depot_sim.domain.oscp.wire.times import format_instant


def not_ended(case: Case) -> Iterator[Finding]:
    """A session that has ended takes nothing more."""
    if case.state.detached:
        yield Finding("session.ended", Kind.SESSION, "a session that has ended", "an active session")


def allowed_in_state(case: Case) -> Iterator[Finding]:
    """The partner may send this type of message in the session's present state."""
    allowed = PARTNER_MAY_SEND[case.type]
    if case.state.lifecycle not in allowed.states:
        expected = " or ".join(sorted(state.value for state in allowed.states))
        yield Finding(allowed.refusal, Kind.LIFECYCLE, f"the session {case.state.lifecycle.value}", expected)


def ahead_of_now(case: Case) -> Iterator[Finding]:
    """A heartbeat promises something of the future."""
    message, now = case.message, case.context.now
    if isinstance(message, Heartbeat) and message.offline_mode_at <= now:
        found, expected = format_instant(message.offline_mode_at), f"an instant after {format_instant(now)}"
        yield Finding("heartbeat.in-the-past", Kind.SEMANTICS, found, expected, "/offline_mode_at")
