"""Every event of a session's stream. `at` is on the session's own clock, in ms since 1970 UTC."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import msgspec

from depot_sim.domain.kernel.credentials import Credentials, SecretReference
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.kernel.recorded_secrets import shown_document
from depot_sim.domain.oscp.findings import Finding
from depot_sim.domain.oscp.profile import PartnerProfile
from depot_sim.domain.oscp.vocabulary import (
    Direction,
    ForecastType,
    Lifecycle,
    MeasurementConfiguration,
    MessageType,
    Outcome,
    PublicationMode,
    SessionClock,
    Validation,
)
from depot_sim.domain.oscp.wire.messages import Block


class Policy(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a session behaves where the protocol leaves it open.

    `heartbeat_interval_ms` is what it asks for when it acknowledges a handshake. `unreachable` is the state a failed
    delivery brings an online session to. A world that has not moved for `stale_after_ms` (wall time, while its run
    should be running) cannot judge measurements: `stale` says whether that answers 503, or accepts as indeterminate.
    A breach calls for a compliance error within `compliance_within_ms`; an accepted request for an adjustment calls for
    a forecast of our own that answers it within `adjustment_within_ms` (0: none is called for).
    Reported figures may differ from the world's meters by `tolerance_ppm`, or by the floors. A segment waits for the
    others of its message for `segments_within_ms` of wall time.
    """

    handshake_timeout_ms: int = 30_000
    heartbeat_interval_ms: int = 5_000
    connect_timeout_ms: int = 3_000
    request_timeout_ms: int = 10_000
    unreachable: Lifecycle = Lifecycle.DEGRADED
    stale_after_ms: int = 60_000
    stale: Validation = Validation.REJECTED
    tolerance_ppm: int = 20_000
    energy_floor_wh: int = 100
    power_floor_w: int = 1_000
    compliance_within_ms: int = 60_000
    adjustment_within_ms: int = 0
    segments_within_ms: int = 30_000


class SessionEvent(Event, frozen=True, omit_defaults=True):
    at: int


class OscpProviderSessionAttached(SessionEvent, frozen=True):
    """A run is bound to a configuration of the partner. The profile is kept whole, so that the stream stands alone."""

    TOPIC: ClassVar[str] = "oscp.provider-session-attached.1"
    SHOWN = shown_document
    session_id: str
    run_id: str
    managed_scope_id: str
    betterfleet_base_url: str
    remote_configuration_id: str
    group_id: str
    measurement_publication_mode: PublicationMode
    measurement_configuration: MeasurementConfiguration
    profile: PartnerProfile
    clock: SessionClock
    scenario_preset: str = ""
    asset_id: str = ""
    credentials: Credentials = Credentials()
    policy: Policy = Policy()
    own_base_url: str = ""
    """Where the partner reaches this service, as our Register says."""


class OscpProviderSessionDetached(SessionEvent, frozen=True):
    """The session is over; its history stays."""

    TOPIC: ClassVar[str] = "oscp.provider-session-detached.1"


class Cause(StrEnum):
    """Why the lifecycle changed."""

    HANDSHAKE_RECEIVED = "handshake_received"
    HANDSHAKE_SENT = "handshake_sent"
    HANDSHAKE_COMPLETED = "handshake_completed"
    HANDSHAKE_REFUSED = "handshake_refused"
    HANDSHAKE_TIMED_OUT = "handshake_timed_out"
    HEARTBEAT_EXPIRED = "heartbeat_expired"
    HEARTBEAT_REFUSED = "heartbeat_refused"
    UNREACHABLE = "unreachable"
    REACHABLE_AGAIN = "reachable_again"
    DISCONNECTED = "disconnected"
    FORCED = "forced"
    RESTARTED = "restarted"
    UNREGISTERED = "unregistered"
    DETACHED = "detached"


class OscpLifecycleChanged(SessionEvent, frozen=True):
    """`intervention` is the id of the one that changed it on purpose."""

    TOPIC: ClassVar[str] = "oscp.lifecycle-changed.1"
    before: Lifecycle
    after: Lifecycle
    cause: Cause
    reason: str = ""
    intervention: str = ""


class OscpBehaviourNegotiated(SessionEvent, frozen=True):
    """Effective heartbeat intervals of both directions (None: none), and the measurement configuration."""

    TOPIC: ClassVar[str] = "oscp.behaviour-negotiated.1"
    receive_every_ms: int | None
    send_every_ms: int | None
    measurement_configuration: MeasurementConfiguration


class OscpMessageOpened(SessionEvent, frozen=True):
    """A message is under way: its ledger entry is recorded and not finalised yet."""

    TOPIC: ClassVar[str] = "oscp.message-opened.1"
    entry_id: str
    stream: str
    direction: Direction
    message_type: MessageType
    request_id: str
    wants_heartbeat_every_ms: int | None = None
    """What a handshake or acknowledgement under way asks for."""
    part: bool = False
    """A segment or a repetition, without an effect of its own: the message has it."""


class OscpMessageClosed(SessionEvent, frozen=True):
    """A message under way that no other event ends."""

    TOPIC: ClassVar[str] = "oscp.message-closed.1"
    entry_id: str
    outcome: Outcome


class OscpPartnerRegistered(SessionEvent, frozen=True):
    """The partner's Register was accepted: where it is reached from now on, and the token to show there.

    With `reply_owed` it began the registration, and our own Register answers it; else nothing is owed.
    """

    TOPIC: ClassVar[str] = "oscp.partner-registered.1"
    SHOWN = shown_document
    entry_id: str
    request_id: str
    base_url: str
    version: str
    outbound: SecretReference
    reply_owed: bool = False


class OscpPartnerUnregistered(SessionEvent, frozen=True):
    """The partner ended the registration: no token is good any more until we register anew."""

    TOPIC: ClassVar[str] = "oscp.partner-unregistered.1"
    entry_id: str


class OscpRegistrationBegun(SessionEvent, frozen=True):
    """A Register of ours is about to be sent, with the token `inbound`; `answers` is the partner's, if it began."""

    TOPIC: ClassVar[str] = "oscp.registration-begun.1"
    request_id: str
    inbound: SecretReference
    answers: str = ""


class OscpRegistrationSent(SessionEvent, frozen=True):
    """What became of our Register. Accepted, its token is in force and the one before is not any more."""

    TOPIC: ClassVar[str] = "oscp.registration-sent.1"
    entry_id: str
    request_id: str
    outcome: Outcome


class OscpHandshakeReceived(SessionEvent, frozen=True):
    TOPIC: ClassVar[str] = "oscp.handshake-received.1"
    entry_id: str
    request_id: str
    outcome: Outcome
    heartbeat_interval_ms: int | None = None
    rule: str = ""


class OscpHandshakeSent(SessionEvent, frozen=True):
    TOPIC: ClassVar[str] = "oscp.handshake-sent.1"
    entry_id: str
    request_id: str
    outcome: Outcome


class OscpHandshakeAcknowledgeReceived(SessionEvent, frozen=True):
    TOPIC: ClassVar[str] = "oscp.handshake-acknowledge-received.1"
    entry_id: str
    outcome: Outcome
    heartbeat_interval_ms: int | None = None
    rule: str = ""


class OscpHandshakeAcknowledgeSent(SessionEvent, frozen=True):
    TOPIC: ClassVar[str] = "oscp.handshake-acknowledge-sent.1"
    entry_id: str
    outcome: Outcome


class OscpHeartbeatReceived(SessionEvent, frozen=True):
    TOPIC: ClassVar[str] = "oscp.heartbeat-received.1"
    entry_id: str
    outcome: Outcome
    offline_mode_at: int = 0
    rule: str = ""


class OscpHeartbeatSent(SessionEvent, frozen=True):
    TOPIC: ClassVar[str] = "oscp.heartbeat-sent.1"
    entry_id: str
    outcome: Outcome


class OscpForecastPlanned(SessionEvent, frozen=True):
    """To be sent at `due`, and then every `every_ms` until it was sent `times` times (0: for ever).

    With `relative`, the blocks move on with each repetition.
    """

    TOPIC: ClassVar[str] = "oscp.forecast-planned.1"
    plan_id: str
    due: int
    type: ForecastType
    blocks: tuple[Block, ...]
    every_ms: int = 0
    times: int = 1
    relative: bool = True


class OscpForecastPlanMoved(SessionEvent, frozen=True):
    """A repeating plan was carried out once; this is what is left of it."""

    TOPIC: ClassVar[str] = "oscp.forecast-plan-moved.1"
    plan: OscpForecastPlanned


class OscpForecastPlanEnded(SessionEvent, frozen=True):
    TOPIC: ClassVar[str] = "oscp.forecast-plan-ended.1"
    plan_id: str
    reason: str


class OscpForecastPublished(SessionEvent, frozen=True):
    TOPIC: ClassVar[str] = "oscp.forecast-published.1"
    entry_id: str
    request_id: str
    outcome: Outcome
    type: ForecastType
    blocks: tuple[Block, ...]
    plan_id: str = ""


class OscpOutboundMessageReceived(SessionEvent, frozen=True):
    """The partner's outbound message arrived: a measurement, an adjustment or a compliance error."""

    TOPIC: ClassVar[str] = "oscp.outbound-message-received.1"
    entry_id: str
    message_type: MessageType
    request_id: str
    correlation_id: str = ""


class OscpOutboundMessageValidated(SessionEvent, frozen=True):
    """`windows` are the measured windows, once accepted: (begin, end) in ms."""

    TOPIC: ClassVar[str] = "oscp.outbound-message-validated.1"
    entry_id: str
    message_type: MessageType
    outcome: Outcome
    validation: Validation
    findings: tuple[Finding, ...] = ()
    window: tuple[int, int] | None = None
    correlation_id: str = ""


class TimedOut(StrEnum):
    HANDSHAKE = "handshake"
    HANDSHAKE_ACKNOWLEDGE = "handshake_acknowledge"
    HEARTBEAT = "heartbeat"


class OscpSessionTimedOut(SessionEvent, frozen=True):
    """`due` is when it had to happen."""

    TOPIC: ClassVar[str] = "oscp.session-timed-out.1"
    waited_for: TimedOut
    due: int


class OscpHeartbeatsSwitched(SessionEvent, frozen=True):
    """Whether the session sends its due heartbeats; an intervention of this id may hold them back."""

    TOPIC: ClassVar[str] = "oscp.heartbeats-switched.1"
    sending: bool
    intervention: str = ""
