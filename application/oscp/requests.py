"""What is asked of the OSCP service over the control API, and what it answers (design §7)."""

from __future__ import annotations

from typing import Any

import msgspec

from depot_sim.domain.kernel.credentials import Credentials
from depot_sim.domain.oscp.events import Policy
from depot_sim.domain.oscp.vocabulary import (
    ForecastType,
    Lifecycle,
    MeasurementConfiguration,
    MessageType,
    Phase,
    PublicationMode,
    SessionClock,
    Unit,
)


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of the requests."""


class CreateSession(Asked, frozen=True):
    """Bind a run's managed scope to a configuration of the partner.

    What is left out comes from the scope's OSCP binding in the run's configuration document. `partner_profile` names a
    profile; `profile_changes` are fields laid over it. `clock` is by default the wall's for a run in real time, the
    run's own for one that is moved by hand. `own_base_url` is where the partner reaches this service, for Register.
    """

    managed_scope_id: str
    betterfleet_base_url: str
    remote_configuration_id: str
    group_id: str | None = None
    asset_id: str | None = None
    measurement_publication_mode: PublicationMode | None = None
    measurement_configuration: MeasurementConfiguration | None = None
    scenario_preset: str | None = None
    partner_profile: str = "betterfleet-vector"
    profile_changes: dict[str, Any] = {}
    clock: SessionClock | None = None
    credentials: Credentials = Credentials()
    policy: Policy = Policy()
    own_base_url: str | None = None


class SessionCreated(msgspec.Struct, frozen=True):
    session_id: str
    state: Lifecycle


class SendHandshake(Asked, frozen=True):
    """`heartbeat_interval_seconds` is how often the partner is asked to send heartbeats."""

    heartbeat_interval_seconds: int | None = None


class HandshakeSent(msgspec.Struct, frozen=True):
    """`state` is the one this handshake brought the session to."""

    ledger_entry_id: str
    state: Lifecycle
    delivery_status: str


class MessageSent(msgspec.Struct, frozen=True):
    """`status` is the partner's HTTP status, 0 without an answer."""

    ledger_entry_id: str
    delivery_status: str
    status: int = 0
    error: str = ""


class Register(Asked, frozen=True):
    """Register at the partner, with a fresh token. The partner's own Register answers it, whenever it comes."""


class SendHeartbeat(Asked, frozen=True):
    """Send one heartbeat now. `offline_mode_at` is an RFC 3339 time; by default as far ahead as negotiated."""

    offline_mode_at: str | None = None


class ForecastBlock(Asked, frozen=True):
    """One block. Odd figures and times are sent as they are; what is not a figure or a time needs `send-message`."""

    capacity: Any
    start_time: str
    end_time: str
    phase: Phase = Phase.ALL
    unit: Unit = Unit.KW


class SendForecast(Asked, frozen=True):
    """Send a forecast now. Blocks are given one by one, or as a pattern such as "500 until 10:00, gap 15m, 300 for 1h".

    A pattern begins at `begin` (RFC 3339, by default the present quarter of an hour). `correlation_id` names the
    request that the forecast answers. `expect` is an expectation raised with it: messages that name no correlation are
    about this forecast.
    """

    type: ForecastType = ForecastType.CONSUMPTION
    forecasted_blocks: tuple[ForecastBlock, ...] = ()
    pattern: str | None = None
    begin: str | None = None
    group_id: str | None = None
    correlation_id: str = ""
    expect: dict[str, Any] | None = None


class SendForecastSet(Asked, frozen=True):
    """Send several series, one message each, in this order; what primary and fallback series leave out is a gap."""

    forecasts: tuple[SendForecast, ...]


class PlanForecast(Asked, frozen=True):
    """Send a forecast later: `at` an RFC 3339 time or "next-quarter"; then `every` (such as "15 min"), `times` times.

    `times` 0 is for ever. With `relative` the blocks move on with each repetition.
    """

    forecast: SendForecast
    at: str = "next-quarter"
    every: str | None = None
    times: int = 1
    relative: bool = True


class SendMessage(Asked, frozen=True):
    """Send any message with a hand-made body, malformed on purpose if need be.

    `body` is sent as JSON, `raw_body` as it stands. `headers` are laid over the usual ones; null leaves one out.
    `reason` is kept with the message's intervention.
    """

    message_type: MessageType
    body: Any = None
    raw_body: str | None = None
    headers: dict[str, str | None] = {}
    reason: str = ""


class ForceState(Asked, frozen=True):
    """Put the session into a state, whatever the protocol says."""

    state: Lifecycle
    reason: str = ""


class Disconnect(Asked, frozen=True):
    """Go offline on purpose. Only a new handshake brings the session back."""

    reason: str = ""


class SwitchHeartbeats(Asked, frozen=True):
    """Send due heartbeats, or hold them back: until they are sent again, or until the session is offline once more."""

    sending: bool
    reason: str = ""
