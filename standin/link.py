"""A connection with its timers and its post: everything that goes on for one configuration id."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import msgspec
from msgspec import Struct

from depot_sim.standin.changes import Changes
from depot_sim.standin.connection import OFFLINE_AFTER_INTERVALS, Connection, Lifecycle, Standing
from depot_sim.standin.journal import Journal
from depot_sim.standin.metering import Reading, last_closed_window, publication, steady_reading
from depot_sim.standin.misbehaviour import Misbehaviour
from depot_sim.standin.outbound import Delivery, Letter, Sender, headers_for, new_request_id
from depot_sim.standin.profile import Profile
from depot_sim.standin.wire import Handshake, Message, timestamp

Clock = Callable[[], datetime]

_FIRST_HEARTBEAT_WITHIN = 1.0
"""Seconds. The first heartbeat waits for one interval, but no longer than this. It is not sent at once because the peer
may still be reading the answer that completes the handshake, and would have to refuse it."""

_BARELY_LATER = 0.001
"""Seconds by which a timer is set late, so that it never finds its deadline still ahead."""


class SentHeartbeat(Struct, frozen=True):
    """Our latest heartbeat, and what came of it."""

    at: datetime
    accepted: bool
    outcome: str


class Link:
    """Owns the connection's state; whoever changes it calls `settle` afterwards."""

    def __init__(self, configuration_id: str, profile: Profile, session: aiohttp.ClientSession, clock: Clock) -> None:
        self.connection = Connection(configuration_id, profile)
        self.journal, self.misbehaviour, self.changes = Journal(), Misbehaviour(), Changes()
        self.clock = clock
        self.last_heartbeat_sent: SentHeartbeat | None = None
        self.heartbeats_enabled = True
        self.load_kw: float | None = None
        self.reported_breaches: set[tuple[str, str]] = set()
        self._sender = Sender(session, profile, self.journal, self.misbehaviour, clock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._heartbeats: asyncio.Task[None] | None = None
        self._heartbeats_of: Standing | None = None
        self._metering: asyncio.Task[None] | None = None
        self._owed: str | None = None
        self._acknowledged = asyncio.Event()
        self._acknowledged.set()

    @property
    def profile(self) -> Profile:
        return self.connection.profile

    def scope_time(self) -> datetime:
        """The time in the managed scope, by which forecasts are judged and windows cut."""
        return self.clock() + self.connection.scope.time_shift

    def open(self) -> None:
        self.spawn(self._watch())

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Work that goes on until it is done or the link closes."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # State

    def settle(self) -> None:
        """Draw every consequence of what has happened, and tell those who wait for it."""
        self.connection.advance(self.clock())
        self._keep_heartbeats_going()
        self.changes.announce()

    async def _watch(self) -> None:
        """Settle whenever a deadline has passed."""
        while True:
            deadline = self.connection.next_deadline(self.clock())
            if not await self.changes.next(self._seconds_until(deadline) if deadline else None):
                self.settle()

    def _seconds_until(self, deadline: datetime) -> float:
        return max(0.0, (deadline - self.clock()).total_seconds()) + _BARELY_LATER

    # Post

    async def send(
        self, message: Message, body: Any, *, request_id: str | None = None, correlation_id: str | None = None
    ) -> Delivery:
        """Send a correct message and keep what came of it."""
        headers = headers_for(
            self.connection.configuration_id,
            self.profile,
            request_id=request_id or new_request_id(),
            correlation_id=correlation_id,
        )
        return await self.send_letter(Letter(message, headers, msgspec.json.encode(body)))

    async def send_letter(self, letter: Letter) -> Delivery:
        delivery = await self._sender.send(letter)
        if letter.message is not Message.HEARTBEAT:
            self.connection.history.record(self.clock(), f"{letter.message}-sent", delivery.outcome)
        if not delivery.accepted:
            self.connection.history.fail(self.clock(), f"{letter.message}: {delivery.outcome}")
        self.changes.announce()
        return delivery

    # A handshake of theirs: what arrives while our acknowledgement is under way waits for what comes of it

    def owe_acknowledgement(self, handshake_id: str) -> None:
        """To be sent once the handshake's answer has gone out."""
        self._owed = handshake_id
        self._acknowledged.clear()

    def pay_acknowledgement(self) -> None:
        """Send it, if one is owed."""
        if self._owed:
            self.spawn(self._acknowledge(self._owed))
            self._owed = None

    async def acknowledgement_decided(self) -> None:
        await self._acknowledged.wait()

    async def _acknowledge(self, handshake_id: str) -> None:
        body = Handshake(self.connection.own_behaviour())
        delivery = await self.send(Message.HANDSHAKE_ACKNOWLEDGE, body, correlation_id=handshake_id)
        self._acknowledged.set()
        failure = None if delivery.accepted else delivery.outcome
        self.connection.conclude_offer(handshake_id, failure, self.clock())
        self.settle()

    # Heartbeats

    async def send_heartbeat(self) -> Delivery:
        """One heartbeat. Refused with 403 it ends the connection; any other failure leaves that to the expiry."""
        now, standing = self.clock(), self.connection.standing
        interval = standing.send_heartbeats_every if standing else None
        ahead = timedelta(seconds=OFFLINE_AFTER_INTERVALS * (interval or self.profile.heartbeat_interval))
        delivery = await self.send(Message.HEARTBEAT, {"offline_mode_at": timestamp(now + ahead)})
        self.last_heartbeat_sent = SentHeartbeat(now, delivery.accepted, delivery.outcome)
        if delivery.status == 403 and self.connection.stands and self.connection.standing is standing:
            self.connection.go_offline("the capacity provider refused our heartbeat with 403", self.clock())
        elif delivery.accepted and self.connection.lifecycle is Lifecycle.ONLINE:
            self.connection.history.clear_error(self.clock())
        self.settle()
        return delivery

    def enable_heartbeats(self, enabled: bool) -> None:
        self.heartbeats_enabled = enabled
        self.settle()

    def _keep_heartbeats_going(self) -> None:
        wanted = self.connection.standing if self.heartbeats_enabled and self.connection.stands else None
        if wanted is self._heartbeats_of:
            return
        if self._heartbeats:
            self._heartbeats.cancel()
        self._heartbeats_of = wanted
        interval = wanted and wanted.send_heartbeats_every
        self._heartbeats = self.spawn(self._beat(interval)) if interval else None

    async def _beat(self, interval: float) -> None:
        """Each is sent on its own, so that one without an answer does not hold up the next."""
        await asyncio.sleep(min(interval, _FIRST_HEARTBEAT_WITHIN))
        while True:
            self.spawn(self._beat_once())
            await asyncio.sleep(interval)

    async def _beat_once(self) -> None:
        await self.send_heartbeat()

    # Measurements

    async def publish(self, reading: Reading) -> Delivery:
        """Report one reading in the connection's measurement mode."""
        message, body = publication(reading, self.profile)
        return await self.send(message, body)

    def meter(self, load_kw: float | None) -> None:
        """From now on report every window as it closes, as if this load had been steady; None ends it."""
        if self._metering:
            self._metering.cancel()
        self.load_kw = load_kw
        self._metering = None if load_kw is None else self.spawn(self._meter(load_kw))
        self.changes.announce()

    async def _meter(self, load_kw: float) -> None:
        interval = self.profile.measurement_interval
        _, closed = last_closed_window(self.scope_time(), interval)
        while True:
            closes = closed + timedelta(seconds=interval)
            await asyncio.sleep(self._seconds_until(closes - self.connection.scope.time_shift))
            _, closed = last_closed_window(self.scope_time(), interval)
            if self.connection.stands:
                self.spawn(self._publish_steady(closed, load_kw))

    async def _publish_steady(self, closed: datetime, load_kw: float) -> None:
        await self.publish(steady_reading(closed, self.profile.measurement_interval, load_kw))
