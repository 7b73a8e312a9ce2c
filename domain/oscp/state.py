"""What a session is, folded from its events. Plain data, so that a snapshot can hold it."""

from __future__ import annotations

import msgspec

from domain.oscp.events import OscpForecastPlanned, OscpMessageOpened, OscpProviderSessionAttached
from domain.oscp.messages import Block
from domain.oscp.vocabulary import ForecastType, Lifecycle, MeasurementConfiguration

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


class SessionState(msgspec.Struct):
    """`peer_offline_at` is when the partner counts as gone, `next_heartbeat_at` when ours is due.

    `handshake_due` is when a handshake under way has to be complete, `handshake_id` its request id.
    `acknowledging` says that the acknowledgement of the handshake under way was tried.
    `open` holds messages under way by entry id. `sent` counts messages opened, for their ids. `answered` holds the
    correlation ids of accepted compliance errors, `last_window_end` per message type where measurements have come to.
    """

    attached: OscpProviderSessionAttached | None = None
    detached: bool = False
    lifecycle: Lifecycle = Lifecycle.OFFLINE
    behaviour: NegotiatedBehaviour = msgspec.field(default_factory=NegotiatedBehaviour)
    sends_heartbeats: bool = True
    handshake_id: str = ""
    handshake_due: int | None = None
    acknowledging: bool = False
    asked_every_ms: int | None = None
    partner_wants_every_ms: int | None = None
    peer_offline_at: int | None = None
    last_heartbeat_received_at: int | None = None
    last_heartbeat_sent_at: int | None = None
    next_heartbeat_at: int | None = None
    open: dict[str, OscpMessageOpened] = {}
    sent: int = 0
    forecasts: dict[str, PublishedForecast] = {}
    active: dict[str, str] = {}
    """The newest accepted forecast of each type: its request id."""
    plans: dict[str, OscpForecastPlanned] = {}
    plan_count: int = 0
    answered: dict[str, int] = {}
    last_window_end: dict[str, int] = {}

    def forecast(self, type: ForecastType) -> PublishedForecast | None:
        """The newest accepted forecast of a type."""
        return self.forecasts.get(self.active.get(type.value, ""))
