"""One connection's lifecycle, without input or output: which message is welcome when, and what it changes.

    CONFIGURED ──handshake sent──▶ AWAITING_ACKNOWLEDGE ──acknowledged──▶ HANDSHAKEN ──heartbeat received──▶ ONLINE
    CONFIGURED ──handshake received, our acknowledgement accepted───────▶ HANDSHAKEN
    any of the last three ──timeout, refusal, expiry──▶ OFFLINE ──a new handshake, either way──▶ as from CONFIGURED
    any ──disconnected by the operator──▶ CONFIGURED

Messages other than handshakes are welcome when HANDSHAKEN or ONLINE. A method that receives one raises Refusal when it
is not. Every `now` is wall time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from depot_sim.standin.forecasts import Untranslatable, translate
from depot_sim.standin.history import History
from depot_sim.standin.managed_scope import ManagedScope
from depot_sim.standin.profile import Profile
from depot_sim.standin.wire import GroupCapacityForecast, Heartbeat, MeasurementConfiguration, RequiredBehaviour

OFFLINE_AFTER_INTERVALS = 3
"""Heartbeats that may be missed: ours name an `offline_mode_at` so far ahead, and so long do we wait for the first."""


class Lifecycle(StrEnum):
    """Where a connection stands; the diagram above has the ways between."""

    CONFIGURED = "CONFIGURED"
    AWAITING_ACKNOWLEDGE = "AWAITING_ACKNOWLEDGE"
    HANDSHAKEN = "HANDSHAKEN"
    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"


_STANDING = (Lifecycle.HANDSHAKEN, Lifecycle.ONLINE)


class Refusal(Exception):
    """A message is not accepted: 403 where the state forbids it, 422 where its content does."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class PendingHandshake(Struct, frozen=True):
    """Our handshake that waits for its acknowledgement."""

    request_id: str
    deadline: datetime


class Offer(Struct, frozen=True):
    """Their handshake that waits for our acknowledgement to be accepted."""

    request_id: str
    theirs: RequiredBehaviour | None


class Standing(Struct, frozen=True):
    """What the latest handshake agreed; no interval to send at means that no heartbeats are wanted of us."""

    since: datetime
    send_heartbeats_every: float | None
    receive_heartbeats_every: float


@dataclass
class Connection:
    """The state of one connection, and everything that may happen to it."""

    configuration_id: str
    profile: Profile
    lifecycle: Lifecycle = Lifecycle.CONFIGURED
    pending: PendingHandshake | None = None
    offer: Offer | None = None
    standing: Standing | None = None
    last_heartbeat_received: datetime | None = None
    offline_at: datetime | None = None
    lost: bool = False  # from offline until online again, a handshake in between included
    history: History = field(init=False)
    scope: ManagedScope = field(init=False)

    def __post_init__(self) -> None:
        self.history = History(self.configuration_id, self.profile.scope_name)
        shift = timedelta(seconds=self.profile.now_offset_seconds)
        self.scope = ManagedScope(self.profile.safe_default_kw, shift, self.history)

    @property
    def stands(self) -> bool:
        """Whether messages other than handshakes may go either way."""
        return self.lifecycle in _STANDING

    def own_behaviour(self) -> RequiredBehaviour:
        """What our handshakes and acknowledgements ask of the capacity provider."""
        return RequiredBehaviour([MeasurementConfiguration.INTERMITTENT], self.profile.heartbeat_interval)

    # A handshake of ours

    def begin_handshake(self, request_id: str, now: datetime) -> None:
        """It is about to be sent: the acknowledgement may be here before the answer is."""
        deadline = now + timedelta(seconds=self.profile.handshake_timeout)
        self.pending = PendingHandshake(request_id, deadline)
        self._become(Lifecycle.AWAITING_ACKNOWLEDGE, now, "handshake sent")

    def fail_handshake(self, request_id: str, reason: str, now: datetime) -> None:
        """It was not answered as it should be. One that has been acknowledged meanwhile has succeeded all the same."""
        if self.pending and self.pending.request_id == request_id:
            self.go_offline(f"handshake failed: {reason}", now)

    def receive_acknowledge(self, correlation_id: str, theirs: RequiredBehaviour | None, now: datetime) -> None:
        if self.lifecycle is not Lifecycle.AWAITING_ACKNOWLEDGE or self.pending is None:
            raise Refusal(403, f"no handshake waits for an acknowledgement: the connection is {self.lifecycle}")
        if correlation_id != self.pending.request_id:
            raise Refusal(403, f"the handshake that waits is {self.pending.request_id}, not {correlation_id}")
        _check_acceptable(theirs)
        self._stand(theirs, now, "our handshake was acknowledged")

    # A handshake of theirs

    def receive_handshake(self, request_id: str, theirs: RequiredBehaviour | None, now: datetime) -> None:
        """Welcome, it still needs our acknowledgement: `conclude_offer` has what came of that.

        A capacity provider that begins anew has given up the connection; so it is over here as well.
        """
        if self.stands:
            self.go_offline("the capacity provider sent a handshake on a connection that stands", now)
            raise Refusal(403, "the connection stood; it is OFFLINE now")
        if self.lifecycle is Lifecycle.AWAITING_ACKNOWLEDGE:
            raise Refusal(403, "a handshake of ours waits for its acknowledgement")
        _check_acceptable(theirs)
        self.offer = Offer(request_id, theirs)
        self.history.record(now, "handshake-received", "to be acknowledged")

    def conclude_offer(self, request_id: str, failure: str | None, now: datetime) -> None:
        """Our acknowledgement was accepted, or failed; it matters no more if the operator disconnected meanwhile."""
        if self.offer is None or self.offer.request_id != request_id:
            return
        if failure is None:
            self._stand(self.offer.theirs, now, "our acknowledgement was accepted")
        else:
            self.go_offline(f"our acknowledgement failed: {failure}", now)

    # The connection stands

    def _stand(self, theirs: RequiredBehaviour | None, now: datetime, reason: str) -> None:
        self.pending, self.offer, self.last_heartbeat_received = None, None, None
        send_every = theirs.heartbeat_interval if theirs else None
        self.standing = Standing(now, send_every, self.profile.heartbeat_interval)
        self.offline_at = now + timedelta(seconds=OFFLINE_AFTER_INTERVALS * self.profile.heartbeat_interval)
        self._become(Lifecycle.HANDSHAKEN, now, reason)

    def receive_heartbeat(self, heartbeat: Heartbeat, now: datetime) -> None:
        self._require_standing()
        self.last_heartbeat_received, self.offline_at = now, heartbeat.offline_mode_at
        if self.lifecycle is not Lifecycle.ONLINE:
            self._go_online(now, "heartbeat received")

    def receive_forecast(self, body: GroupCapacityForecast, request_id: str, now: datetime) -> None:
        self._require_standing()
        if body.group_id != self.profile.group_id:
            raise Refusal(403, f"group {body.group_id} is not bound to this connection")
        try:
            forecast = translate(body, request_id, now)
        except Untranslatable as problem:
            raise Refusal(422, str(problem)) from problem
        self.scope.take(forecast)
        detail = f"{body.type} {request_id}, {len(forecast.blocks)} blocks, applied to {self.profile.scope_name}"
        self.history.record(now, "forecast-accepted", detail)

    # Its end

    def go_offline(self, reason: str, now: datetime) -> None:
        """Only a new handshake leads out again; history and forecasts stay."""
        self.pending, self.offer, self.lost = None, None, True
        self.history.fail(now, reason)
        self._become(Lifecycle.OFFLINE, now, reason)

    def disconnect(self, now: datetime) -> None:
        """The operator takes full control back."""
        self.pending, self.offer, self.standing, self.offline_at, self.lost = None, None, None, None, False
        self.scope.withdraw(now)
        self._become(Lifecycle.CONFIGURED, now, "disconnected by the operator")

    # Time, and the tester's hand

    def advance(self, now: datetime) -> None:
        """Everything that follows from the time alone: handshakes that time out, liveness that expires, forecasts."""
        if self.pending and self.pending.deadline <= now:
            self.go_offline(f"no acknowledgement within {self.profile.handshake_timeout:g} s", now)
        if self.stands and self.offline_at and self.offline_at <= now:
            self.go_offline("no heartbeat has moved the time at which the capacity provider is offline", now)
        self.scope.judge(now, lost=self.lost)

    def next_deadline(self, now: datetime) -> datetime | None:
        """When `advance` will next have something to do, if nothing happens before."""
        deadlines = (
            self.pending and self.pending.deadline,
            self.offline_at if self.stands else None,
            self.scope.next_boundary(now),
        )
        return min((deadline for deadline in deadlines if deadline), default=None)

    def force(self, lifecycle: Lifecycle, now: datetime) -> None:
        """Put the connection into this state without the peer's knowledge, so that the two sides disagree."""
        self.history.record(now, "state-forced", lifecycle)
        match lifecycle:
            case Lifecycle.CONFIGURED:
                self.disconnect(now)
            case Lifecycle.OFFLINE:
                self.go_offline("forced", now)
            case Lifecycle.AWAITING_ACKNOWLEDGE:
                self.begin_handshake("forced", now)
            case Lifecycle.HANDSHAKEN:
                self._stand(self.own_behaviour(), now, "forced")
            case Lifecycle.ONLINE:
                self._stand(self.own_behaviour(), now, "forced")
                self._go_online(now, "forced")

    def _require_standing(self) -> None:
        if not self.stands:
            raise Refusal(403, f"the connection is {self.lifecycle}")

    def _go_online(self, now: datetime, reason: str) -> None:
        self.lost = False
        self.history.clear_error(now)
        self._become(Lifecycle.ONLINE, now, reason)

    def _become(self, lifecycle: Lifecycle, now: datetime, reason: str) -> None:
        self.history.record(now, lifecycle.lower().replace("_", "-"), reason)
        self.lifecycle = lifecycle


def _check_acceptable(theirs: RequiredBehaviour | None) -> None:
    wanted = theirs.measurement_configuration if theirs else []
    if wanted and MeasurementConfiguration.INTERMITTENT not in wanted:
        raise Refusal(422, "measurements can only be INTERMITTENT here")
