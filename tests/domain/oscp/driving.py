"""A session and the partner's side of it, driven by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from depot_sim.domain.kernel.events import Event
from depot_sim.domain.oscp import events as e
from depot_sim.domain.oscp.ledger import entry_id_of, stream_of
from depot_sim.domain.oscp.receipt import Receipt
from depot_sim.domain.oscp.session import Delivery, OscpCapacityProviderSession
from depot_sim.domain.oscp.vocabulary import Direction, ForecastType, Lifecycle, MessageType, Outcome, Validation
from depot_sim.domain.oscp.wire.messages import (
    Block,
    CapacityForecast,
    Handshake,
    HandshakeAcknowledge,
    Heartbeat,
    Message,
    RequiredBehaviour,
)
from tests.domain.oscp.sessions import ATTACHED, QUARTER, TEN

SECOND = 1_000
BLOCKS = (Block(TEN, TEN + QUARTER, 500_000),)


class Driven:
    """A session whose clock stands at `now`."""

    def __init__(self, **changes: Any) -> None:
        self.now = TEN
        attached = msgspec.structs.replace(ATTACHED, **changes)
        self.session = OscpCapacityProviderSession(attached.run_id, attached.remote_configuration_id)
        self.session.attach(attached)

    @property
    def state(self) -> Lifecycle:
        return self.session.lifecycle

    def events(self, type: type[Event] = Event) -> Sequence[Any]:
        return [event for event in self.session.pending if isinstance(event, type)]

    def causes(self) -> list[e.Cause]:
        """Of every change of the lifecycle, in order."""
        return [event.cause for event in self.events(e.OscpLifecycleChanged)]

    def after(self, ms: int) -> Driven:
        """Let time pass, and what is overdue end."""
        self.now += ms
        self.session.time_out(self.now)
        return self

    # What the partner sends

    def receive(
        self, type: MessageType, message: Message | None, id: str = "theirs", outcome: Outcome = Outcome.ACCEPTED
    ) -> None:
        entry = entry_id_of(stream_of("session-1", Direction.INBOUND, id))
        self.session.receive(Receipt(type, message, entry, id, "", outcome, Validation.ACCEPTED), self.now)

    def receive_handshake(
        self, every_ms: int | None = 5 * SECOND, id: str = "h-1", outcome: Outcome = Outcome.ACCEPTED
    ) -> None:
        self.receive(MessageType.HANDSHAKE, Handshake(RequiredBehaviour(every_ms)), id, outcome)

    def receive_acknowledge(self, every_ms: int | None = 5 * SECOND, outcome: Outcome = Outcome.ACCEPTED) -> None:
        message = HandshakeAcknowledge(RequiredBehaviour(every_ms))
        self.receive(MessageType.HANDSHAKE_ACKNOWLEDGE, message, "a-1", outcome)

    def receive_heartbeat(self, good_for_ms: int, outcome: Outcome = Outcome.ACCEPTED) -> None:
        self.receive(MessageType.HEARTBEAT, Heartbeat(self.now + good_for_ms), outcome=outcome)

    # What the session sends

    def open(self, type: MessageType, wants_ms: int | None = None, part: bool = False) -> str:
        """Begin to send; the ledger entry."""
        id = self.session.next_request_id()
        stream = stream_of("session-1", Direction.OUTBOUND, id)
        entry = entry_id_of(stream)
        self.session.open(
            e.OscpMessageOpened(self.now, entry, stream, Direction.OUTBOUND, type, id, wants_ms, part=part)
        )
        return entry

    def finish(self, entry: str, type: MessageType, outcome: Outcome = Outcome.ACCEPTED, status: int = 204) -> None:
        status = status if outcome in {Outcome.ACCEPTED, Outcome.REJECTED} else 0
        forecast = None
        if type is MessageType.UPDATE_GROUP_CAPACITY_FORECAST:
            forecast = CapacityForecast("group-1", ForecastType.CONSUMPTION, BLOCKS)
        error = "no route" if outcome is Outcome.FAILED else ""
        self.session.finish(Delivery(entry, type, outcome, status, error, forecast), self.now)

    def send(
        self,
        type: MessageType,
        outcome: Outcome = Outcome.ACCEPTED,
        status: int = 204,
        wants_ms: int | None = 5 * SECOND,
    ) -> str:
        entry = self.open(type, wants_ms)
        self.finish(entry, type, outcome, status)
        return entry


def online(receive_ms: int | None = 5 * SECOND, send_ms: int | None = 5 * SECOND, **changes: Any) -> Driven:
    """After the partner's handshake: it wants heartbeats every `send_ms`, and owes one every `receive_ms`."""
    driven = Driven(**changes)
    driven.receive_handshake(send_ms)
    driven.send(MessageType.HANDSHAKE_ACKNOWLEDGE, wants_ms=receive_ms)
    assert driven.state is Lifecycle.ONLINE
    return driven
