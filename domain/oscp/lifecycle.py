"""The lifecycle of an OSCP session as data: its states, every transition, and who may send which message when.

The session looks its next state up here, the rules look up what the partner may send, and `docs/oscp_lifecycle.py`
writes the tables and the diagram of docs/oscp.md from it. To change the lifecycle, change a row here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from enum import Enum
from itertools import product
from types import MappingProxyType
from typing import ClassVar, Final, NamedTuple

from depot_sim.domain.kernel.errors import DepotSimError
from depot_sim.domain.kernel.projection import ProjectionHealth
from depot_sim.domain.oscp.events import Cause
from depot_sim.domain.oscp.vocabulary import LIVE, Lifecycle, MessageType

OFFLINE, ONLINE, DEGRADED = Lifecycle.OFFLINE, Lifecycle.ONLINE, Lifecycle.DEGRADED
ACCEPTING, AWAITING = Lifecycle.ACCEPTING_HANDSHAKE, Lifecycle.AWAITING_HANDSHAKE_ACKNOWLEDGE
HANDSHAKING: Final = frozenset({ACCEPTING, AWAITING})
EVERY_STATE: Final = frozenset(Lifecycle)


class UndefinedTransition(DepotSimError):
    """A defect of the simulator: the session met a cause in a state for which the table has no row."""

    type: ClassVar[str] = "undefined-transition"
    title: ClassVar[str] = "The session's lifecycle has no such transition"


# States


class State(NamedTuple):
    """`health` is what the projection reports while the session is in this state."""

    meaning: str
    health: ProjectionHealth


STATES: Final[Mapping[Lifecycle, State]] = MappingProxyType(
    {
        OFFLINE: State("no connection; a handshake of either side begins one", ProjectionHealth.DOWN),
        ACCEPTING: State(
            "the platform's handshake was answered 204; our acknowledgement is not accepted yet",
            ProjectionHealth.CONNECTING,
        ),
        AWAITING: State(
            "our handshake was sent; the platform's acknowledgement has not arrived yet", ProjectionHealth.CONNECTING
        ),
        ONLINE: State("heartbeats both ways, at two independent rates; business messages", ProjectionHealth.UP),
        DEGRADED: State("as `online`, but the platform did not answer our last message", ProjectionHealth.IMPAIRED),
    }
)


# Transitions


class Recorded(Enum):
    """When a transition is recorded as an `oscp.lifecycle-changed.1` event."""

    IF_STATE_CHANGES = "if the state changes"
    IF_CAUSE_CHANGES = "if the last change had another cause"
    ALWAYS = "always"


class Transition(NamedTuple):
    """In state `before`, `cause` leads to state `after`.

    Several rows may share `before` and `cause`; then `chosen_by` names the setting or command that chooses `after`.
    """

    before: Lifecycle
    cause: Cause
    after: Lifecycle
    why: str
    chosen_by: str = ""
    recorded: Recorded = Recorded.IF_STATE_CHANGES

    def is_recorded_after(self, last_cause: Cause | None) -> bool:
        """`last_cause` is the cause of the session's last recorded transition; None if there was none."""
        match self.recorded:
            case Recorded.ALWAYS:
                return True
            case Recorded.IF_CAUSE_CHANGES if self.after is self.before:
                return last_cause not in {None, self.cause}
        return self.after is not self.before


def _rows(
    before: Collection[Lifecycle],
    cause: Cause,
    after: Collection[Lifecycle],
    why: str,
    chosen_by: str = "",
    recorded: Recorded = Recorded.IF_STATE_CHANGES,
) -> Iterator[Transition]:
    """One row for each pair of `before` and `after`, in the order in which Lifecycle lists the states."""
    for start, end in product(Lifecycle, Lifecycle):
        if start in before and end in after:
            yield Transition(start, cause, end, why, chosen_by, recorded)


_POLICY: Final = "policy.unreachable"

BY_PROTOCOL: Final = (
    *_rows({OFFLINE}, Cause.HANDSHAKE_RECEIVED, {ACCEPTING}, "We accepted the platform's handshake."),
    *_rows({OFFLINE}, Cause.HANDSHAKE_SENT, {AWAITING}, "We sent our handshake."),
    *_rows({ACCEPTING}, Cause.HANDSHAKE_COMPLETED, {ONLINE}, "The platform accepted our acknowledgement."),
    *_rows({AWAITING}, Cause.HANDSHAKE_COMPLETED, {ONLINE}, "We accepted the platform's acknowledgement."),
    *_rows(
        HANDSHAKING,
        Cause.HANDSHAKE_REFUSED,
        {OFFLINE},
        "The platform refused our handshake or our acknowledgement; any status but 2xx is a refusal.",
    ),
    *_rows(
        HANDSHAKING,
        Cause.HANDSHAKE_TIMED_OUT,
        {OFFLINE},
        "The handshake was not complete within `policy.handshake_timeout_ms`.",
    ),
    *_rows(
        HANDSHAKING,
        Cause.UNREACHABLE,
        {OFFLINE},
        "Our handshake or our acknowledgement could not be delivered.",
    ),
    *_rows(
        {ACCEPTING},
        Cause.RESTARTED,
        {OFFLINE},
        "The service restarted while our acknowledgement was under way: the platform may have it or not.",
    ),
    *_rows(
        {ONLINE},
        Cause.UNREACHABLE,
        {DEGRADED, OFFLINE, ONLINE},
        "A heartbeat or forecast of ours got no answer, or a 5xx.",
        _POLICY,
    ),
    *_rows({DEGRADED}, Cause.UNREACHABLE, {DEGRADED}, "The platform still does not answer.", _POLICY),
    *_rows(LIVE, Cause.REACHABLE_AGAIN, {ONLINE}, "The platform accepted a heartbeat or forecast of ours."),
    *_rows(LIVE, Cause.HEARTBEAT_REFUSED, {OFFLINE}, "The platform answered our heartbeat with 403: it is offline."),
    *_rows(
        LIVE,
        Cause.HEARTBEAT_EXPIRED,
        {OFFLINE},
        "The platform's last `offline_mode_at` passed without another heartbeat.",
    ),
)
"""Transitions between two sides that follow the protocol."""

EXCEPTIONAL: Final = (
    *_rows(
        EVERY_STATE - {OFFLINE},
        Cause.HANDSHAKE_RECEIVED,
        {ACCEPTING},
        "An override accepted the platform's handshake though the session was not offline.",
    ),
    *_rows(
        EVERY_STATE - {OFFLINE},
        Cause.HANDSHAKE_SENT,
        {AWAITING},
        "An override sent our handshake without a check of the state, or `send-message` did.",
    ),
    *_rows(
        LIVE | {OFFLINE},
        Cause.HANDSHAKE_COMPLETED,
        {ONLINE},
        "An override accepted an acknowledgement that the session did not wait for.",
    ),
    *_rows(
        {DEGRADED},
        Cause.UNREACHABLE,
        {OFFLINE, ONLINE},
        "The session was forced to be degraded; now the policy applies to it.",
        _POLICY,
    ),
)
"""Transitions that need an override, a message sent without a check of the state, or a state that was forced."""

FROM_EVERY_STATE: Final = (
    *_rows(
        EVERY_STATE,
        Cause.UNREGISTERED,
        {OFFLINE},
        "The platform ended its registration by DELETE.",
    ),
    *_rows(
        EVERY_STATE,
        Cause.DISCONNECTED,
        {OFFLINE},
        "An operator sent `disconnect`; recorded also if the session went offline before for another cause.",
        recorded=Recorded.IF_CAUSE_CHANGES,
    ),
    *_rows(EVERY_STATE, Cause.DETACHED, {OFFLINE}, "The session was deleted, or its run ended."),
    *_rows(
        EVERY_STATE,
        Cause.FORCED,
        EVERY_STATE,
        "An operator sent `force-state`; recorded also if the session is in that state already.",
        "force-state",
        Recorded.ALWAYS,
    ),
)

TRANSITIONS: Final = (*BY_PROTOCOL, *EXCEPTIONAL, *FROM_EVERY_STATE)


_ROWS: Final[Mapping[tuple[Lifecycle, Cause, Lifecycle | None], Transition]] = MappingProxyType(
    {(row.before, row.cause, row.after if row.chosen_by else None): row for row in TRANSITIONS}
)


def transition(before: Lifecycle, cause: Cause, chosen: Lifecycle | None = None) -> Transition:
    """The row for a session in state `before` that meets `cause`.

    `chosen` names the next state where the row leaves it to a setting or a command, and only there. Raises
    UndefinedTransition when the table has no such row.
    """
    row = _ROWS.get((before, cause, chosen))
    if row is not None:
        return row
    towards = f" to {chosen}" if chosen else ""
    raise UndefinedTransition(
        f"no transition{towards} from state {before} with cause {cause}",
        "this is a defect of depot-sim: report it with the session's events",
    )


# Messages


class Permission(NamedTuple):
    """The states in which a message may be sent.

    `refusal` is used in every other state: for the partner's message it is the rule that the message breaks, for ours
    the hint of the refused command.
    """

    states: frozenset[Lifecycle]
    refusal: str = ""


_ANY_TIME: Final = Permission(EVERY_STATE)
_PARTNER_WHEN_LIVE: Final = Permission(LIVE, "session.not-online")
_WE_WHEN_LIVE: Final = Permission(LIVE, "bring it online by a handshake first")

PARTNER_MAY_SEND: Final[Mapping[MessageType, Permission]] = MappingProxyType(
    {
        MessageType.REGISTER: _ANY_TIME,
        MessageType.HANDSHAKE: Permission(frozenset({OFFLINE}), "handshake.not-offline"),
        MessageType.HANDSHAKE_ACKNOWLEDGE: Permission(frozenset({AWAITING}), "acknowledge.not-awaited"),
        MessageType.HEARTBEAT: _PARTNER_WHEN_LIVE,
        MessageType.ADJUST_GROUP_CAPACITY_FORECAST: _PARTNER_WHEN_LIVE,
        MessageType.GROUP_CAPACITY_COMPLIANCE_ERROR: _PARTNER_WHEN_LIVE,
        MessageType.UPDATE_GROUP_MEASUREMENTS: _PARTNER_WHEN_LIVE,
        MessageType.UPDATE_ASSET_MEASUREMENTS: _PARTNER_WHEN_LIVE,
    }
)
"""Messages of the partner, by type. A type that is missing is one that only we send."""

WE_MAY_SEND: Final[Mapping[MessageType, Permission]] = MappingProxyType(
    {
        MessageType.REGISTER: _ANY_TIME,
        MessageType.HANDSHAKE: Permission(frozenset({OFFLINE}), "disconnect it first: a handshake starts offline"),
        MessageType.HANDSHAKE_ACKNOWLEDGE: Permission(frozenset({ACCEPTING}), "an acknowledgement answers a handshake"),
        MessageType.HEARTBEAT: _WE_WHEN_LIVE,
        MessageType.UPDATE_GROUP_CAPACITY_FORECAST: _WE_WHEN_LIVE,
    }
)
"""Messages of ours, by type. A type that is missing is one that only the partner sends."""
