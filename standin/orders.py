"""What an operator (or a tester) can have a connection do, beyond what it does by itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, field

from depot_sim.standin.connection import Lifecycle
from depot_sim.standin.forecasts import Forecast
from depot_sim.standin.link import Link
from depot_sim.standin.metering import Direction, Reading, last_closed_window
from depot_sim.standin.outbound import Delivery, Letter, changed, headers_for, new_request_id
from depot_sim.standin.wire import ForecastType, Handshake, Instant, Message, timestamp

Kilowatts = Annotated[float, Meta(ge=0)]


class NotPossible(Exception):
    """The order does not fit the connection's state; nothing was sent."""


class ReadingOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """Publish this reading. The window is the latest closed one, unless its end is given."""

    energy_kwh: float
    maximum_kw: float
    direction: Direction = Direction.NET
    window_end: Instant | None = None


class AdjustmentOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """Ask for another capacity in a time; without times for what is left of the forecast."""

    capacity_kw: Kilowatts
    type: ForecastType = ForecastType.CONSUMPTION
    start_time: Instant | None = None
    end_time: Instant | None = None


class NonComplianceOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """Report that the forecast cannot be kept; `breach` names the condition, however often it is detected."""

    message: str = "the managed scope cannot comply with the forecast"
    breach: str = "breach"
    type: ForecastType = ForecastType.CONSUMPTION


class RawOrder(Struct, frozen=True, forbid_unknown_fields=True):
    """Send a hand-made message: `body` as JSON or `body_text` as it is; a header of null is left out."""

    message: Message
    body: Any = field(default_factory=dict)
    body_text: str | None = None
    headers: dict[str, str | None] = field(default_factory=dict)


async def shake_hands(link: Link) -> Delivery:
    """Begin a handshake. Raises NotPossible."""
    connection = link.connection
    if connection.lifecycle not in (Lifecycle.CONFIGURED, Lifecycle.OFFLINE):
        raise NotPossible(f"the connection is {connection.lifecycle}")
    if connection.offer:
        raise NotPossible("a handshake of the capacity provider is being acknowledged")
    request_id = new_request_id()
    connection.begin_handshake(request_id, link.clock())
    link.settle()
    delivery = await link.send(Message.HANDSHAKE, Handshake(connection.own_behaviour()), request_id=request_id)
    if not delivery.accepted:
        connection.fail_handshake(request_id, delivery.outcome, link.clock())
        link.settle()
    return delivery


def disconnect(link: Link) -> None:
    """End OSCP control at once. The protocol has no message for it: the peer is told by 403 and silence."""
    link.connection.disconnect(link.clock())
    link.settle()


def force(link: Link, lifecycle: Lifecycle) -> None:
    """Put the connection into a state without the peer's knowledge."""
    link.connection.force(lifecycle, link.clock())
    link.settle()


async def heartbeat(link: Link) -> Delivery:
    """One heartbeat out of turn. Raises NotPossible."""
    _require_standing(link)
    return await link.send_heartbeat()


async def publish(link: Link, order: ReadingOrder) -> Delivery:
    """Publish a reading in the connection's measurement mode. Raises NotPossible."""
    _require_standing(link)
    interval = link.profile.measurement_interval
    start, end = last_closed_window(link.scope_time(), interval)
    if order.window_end:
        start, end = order.window_end - timedelta(seconds=interval), order.window_end
    reading = Reading(start, end, order.energy_kwh, order.maximum_kw, order.direction)
    return await link.publish(reading)


async def adjust(link: Link, order: AdjustmentOrder) -> Delivery:
    """Request an adjustment of the active forecast. Raises NotPossible."""
    forecast = _active_forecast(link, order.type)
    block = {
        "capacity": order.capacity_kw,
        "phase": "ALL",
        "unit": "KW",
        "start_time": timestamp(order.start_time or link.scope_time()),
        "end_time": timestamp(order.end_time or max(block.end_time for block in forecast.blocks)),
    }
    body = {"group_id": link.profile.group_id, "type": order.type, "forecasted_blocks": [block]}
    return await link.send(Message.ADJUST_GROUP_CAPACITY_FORECAST, body, correlation_id=forecast.request_id)


async def report_noncompliance(link: Link, order: NonComplianceOrder) -> Delivery | None:
    """Send a compliance error about the active forecast; None if this breach of it has been reported already.

    A report that was not accepted is made again. Raises NotPossible.
    """
    forecast = _active_forecast(link, order.type)
    breach = forecast.request_id, order.breach
    if breach in link.reported_breaches:
        return None
    link.reported_breaches.add(breach)
    body = {"message": order.message}
    delivery = await link.send(Message.GROUP_CAPACITY_COMPLIANCE_ERROR, body, correlation_id=forecast.request_id)
    if not delivery.accepted:
        link.reported_breaches.discard(breach)
    return delivery


async def send_raw(link: Link, order: RawOrder) -> Delivery:
    """Send a message in any state and of any shape; it moves no state here, whatever the answer."""
    configuration_id, profile = link.connection.configuration_id, link.profile
    headers = changed(headers_for(configuration_id, profile, request_id=new_request_id()), order.headers)
    text = order.body_text
    body = msgspec.json.encode(order.body) if text is None else text.encode()
    return await link.send_letter(Letter(order.message, headers, body))


def _require_standing(link: Link) -> None:
    if not link.connection.stands:
        raise NotPossible(f"the connection is {link.connection.lifecycle}")


def _active_forecast(link: Link, type: ForecastType) -> Forecast:
    _require_standing(link)
    forecast = link.connection.scope.active_forecast(type, link.clock())
    if forecast is None:
        raise NotPossible(f"there is no active {type} forecast")
    return forecast
