"""What a session is, folded from its events. Plain data, so that a snapshot can hold it."""

from __future__ import annotations

import msgspec

from depot_sim.domain.kernel.credentials import SecretReference
from depot_sim.domain.oscp.events import Cause, OscpForecastPlanned, OscpMessageOpened, OscpProviderSessionAttached
from depot_sim.domain.oscp.profile import SessionKey
from depot_sim.domain.oscp.vocabulary import ForecastType, Lifecycle, MeasurementConfiguration
from depot_sim.domain.oscp.wire.messages import Block

MOST_FORECASTS = 256
"""How many published forecasts a session remembers to correlate answers with."""


class NegotiatedBehaviour(msgspec.Struct):
    """None: no heartbeats in that direction."""

    receive_every_ms: int | None = None
    send_every_ms: int | None = None
    measurement_configuration: MeasurementConfiguration = MeasurementConfiguration.INTERMITTENT


class PublishedForecast(msgspec.Struct, frozen=True):
    request_id: str
    type: ForecastType
    blocks: tuple[Block, ...]
    at: int


class Registration(msgspec.Struct, frozen=True):
    """What Register messages have changed of what the session was attached with; nothing at first, and once `ended`.

    `outbound` is the partner's token, shown at its `base_url`. `inbound` is ours that is in force; `issued` is ours of
    which is not known yet whether the partner took it, sent by our Register `issued_by`. `owed` is the partner's
    Register that ours has to answer, `awaited` is ours that the partner's has to answer. `answered_at` is when our last
    answer was sent.
    """

    base_url: str = ""
    version: str = ""
    outbound: SecretReference | None = None
    inbound: SecretReference | None = None
    issued: SecretReference | None = None
    issued_by: str = ""
    owed: str = ""
    awaited: str = ""
    answered_at: int | None = None
    ended: bool = False


class Forced(msgspec.Struct, frozen=True):
    """The intervention that brought the session to its state, and the state that it would be in without any."""

    intervention: str
    otherwise: Lifecycle


class SessionState(msgspec.Struct):
    """What is and what is under way; times are on the session's clock.

    `cause` is why the lifecycle changed last; it is `forced` if that was on purpose, until the protocol moves it on.
    `heartbeats_held_by` is the intervention that holds back our heartbeats. `peer_offline_at` is when the partner
    counts as gone, `next_heartbeat_at` when ours is due.
    `handshake_due` is when a handshake under way has to be complete, `handshake_id` its request id.
    `acknowledging` says that the acknowledgement of the handshake under way was tried, `acknowledgement_id` is the
    entry of that. `live_since` is when the session last came online.
    `open` holds messages under way by entry id; the ends of those in `of_earlier`, which an earlier attachment of the
    session left under way, have no effect. `sent` counts messages opened, for their ids. `answered` holds the
    correlation ids of accepted compliance errors, `last_window_end` per message type where measurements have come to.
    """

    attached: OscpProviderSessionAttached | None = None
    detached: bool = False
    lifecycle: Lifecycle = Lifecycle.OFFLINE
    cause: Cause | None = None
    forced: Forced | None = None
    behaviour: NegotiatedBehaviour = msgspec.field(default_factory=NegotiatedBehaviour)
    sends_heartbeats: bool = True
    heartbeats_held_by: str = ""
    handshake_id: str = ""
    handshake_due: int | None = None
    acknowledging: bool = False
    acknowledgement_id: str = ""
    live_since: int = 0
    asked_every_ms: int | None = None
    partner_wants_every_ms: int | None = None
    peer_offline_at: int | None = None
    last_heartbeat_received_at: int | None = None
    last_heartbeat_sent_at: int | None = None
    next_heartbeat_at: int | None = None
    open: dict[str, OscpMessageOpened] = {}
    of_earlier: tuple[str, ...] = ()
    sent: int = 0
    forecasts: dict[str, PublishedForecast] = {}
    active: dict[str, str] = {}
    """The newest accepted forecast of each type: its request id."""
    plans: dict[str, OscpForecastPlanned] = {}
    plan_count: int = 0
    answered: dict[str, int] = {}
    last_window_end: dict[str, int] = {}
    registration: Registration = Registration()

    def forecast(self, type: ForecastType) -> PublishedForecast | None:
        """The newest accepted forecast of a type."""
        return self.forecasts.get(self.active.get(type.value, ""))

    @property
    def inbound_tokens(self) -> tuple[SecretReference, ...] | None:
        """The tokens of which the partner has to show one; None when it needs none."""
        assert self.attached is not None, "a session begins by being attached"
        registration, given = self.registration, self.attached.credentials.inbound
        in_force = registration.inbound or (None if registration.ended else given)
        tokens = tuple(token for token in (in_force, registration.issued) if token is not None)
        needs_none = given is None and self.attached.profile.session_key is not SessionKey.TOKEN
        return None if needs_none and not tokens and not registration.ended else tokens
