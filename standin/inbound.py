"""Messages from the capacity provider: from their arrival to the answer they get."""

from __future__ import annotations

import asyncio
from typing import NoReturn, TypeVar

import msgspec
from msgspec import Struct

from depot_sim.standin.connection import Refusal
from depot_sim.standin.journal import Entry
from depot_sim.standin.link import Link
from depot_sim.standin.misbehaviour import Action, Direction, Rule
from depot_sim.standin.wire import CORRELATION_ID, REQUEST_ID, GroupCapacityForecast, Handshake, Heartbeat, Message

Body = TypeVar("Body")


class Unanswered(Exception):
    """The network is out: the peer is to be left without a word."""


class Arrival(Struct, frozen=True):
    """A message as it came."""

    message: Message
    request_id: str | None
    correlation_id: str | None
    body: bytes


class Answer(Struct, frozen=True):
    """204, or another status with the reason why."""

    status: int = 204
    reason: str = ""


async def receive(link: Link, arrival: Arrival) -> Answer:
    """Take a message in and decide on its answer. Raises Unanswered."""
    entry = link.journal.note(_entry(link, arrival))
    link.changes.announce()
    if link.misbehaviour.outage:
        entry.conclude(None, "network outage")
        raise Unanswered
    rule = link.misbehaviour.take(Direction.INBOUND, arrival.message)
    answer = await _misbehave(rule, entry) if rule else None
    if answer is None:
        await link.acknowledgement_decided()
        answer = _answer_again(link, entry) or _judge(link, arrival)
    entry.conclude(answer.status, answer.reason or None)
    link.settle()
    return answer


async def _misbehave(rule: Rule, entry: Entry) -> Answer | None:
    entry.misbehaviour = rule.action
    if rule.action is Action.IGNORE:
        entry.error = "ignored as told"
        await _until_the_peer_gives_up()
    if rule.status is not None:
        return Answer(rule.status, "answered as told")
    await asyncio.sleep(rule.seconds or 0)
    return None


async def _until_the_peer_gives_up() -> NoReturn:
    """The server cancels us then."""
    while True:
        await asyncio.Event().wait()


def _answer_again(link: Link, entry: Entry) -> Answer | None:
    """A message that is delivered twice has its effect once, and the same answer both times."""
    earlier = link.journal.earlier_delivery_of(entry) if entry.request_id else None
    return Answer(earlier.status or 204, earlier.error or "") if earlier else None


def _judge(link: Link, arrival: Arrival) -> Answer:
    now, connection = link.clock(), link.connection
    connection.advance(now)  # a deadline that has passed decides first
    try:
        _apply(link, arrival)
    except Refusal as refusal:
        connection.history.record(now, f"{arrival.message}-rejected", refusal.reason)
        return Answer(refusal.status, refusal.reason)
    return Answer()


def _apply(link: Link, arrival: Arrival) -> None:
    connection, now = link.connection, link.clock()
    request_id = _required(arrival.request_id, REQUEST_ID)
    match arrival.message:
        case Message.HANDSHAKE:
            connection.receive_handshake(request_id, _decode(arrival, Handshake).required_behaviour, now)
            link.owe_acknowledgement(request_id)
        case Message.HANDSHAKE_ACKNOWLEDGE:
            correlation_id = _required(arrival.correlation_id, CORRELATION_ID)
            connection.receive_acknowledge(correlation_id, _decode(arrival, Handshake).required_behaviour, now)
        case Message.HEARTBEAT:
            connection.receive_heartbeat(_decode(arrival, Heartbeat), now)
        case Message.UPDATE_GROUP_CAPACITY_FORECAST:
            connection.receive_forecast(_decode(arrival, GroupCapacityForecast), request_id, now)
        case _:
            raise Refusal(403, f"{arrival.message} is not for a flexibility provider")


def _required(value: str | None, header: str) -> str:
    if not value:
        raise Refusal(422, f"the header {header} is missing")
    return value


def _decode(arrival: Arrival, body: type[Body]) -> Body:
    try:
        return msgspec.json.decode(arrival.body, type=body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise Refusal(422, str(problem)) from problem


def _entry(link: Link, arrival: Arrival) -> Entry:
    return Entry(
        link.clock(),
        Direction.INBOUND,
        arrival.message,
        arrival.request_id,
        arrival.correlation_id,
        arrival.body.decode(errors="replace"),
    )
