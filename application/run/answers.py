"""Answers kept under an Idempotency-Key: one stream per key, written with the request's own events or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from typing import ClassVar, NamedTuple

import msgspec

from depot_sim.application.event_log import EventLog, StreamWrite
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.events import Event, decode, encode

_MAX_KEY = 200


class AdvanceAccepted(Event, frozen=True):
    """Where a run is to be advanced to: written with the first of its ticks, so that a repeated request goes on there.

    `at` is logical time, `request_sha256` a hash of what was asked.
    """

    TOPIC: ClassVar[str] = "command.advance-accepted.1"
    OPERATIONAL: ClassVar[bool] = True
    at: int
    request_sha256: str
    to: int


class CommandAnswered(Event, frozen=True):
    """What was asked (as a hash) and what was answered, at logical time `at`."""

    TOPIC: ClassVar[str] = "command.answered.1"
    OPERATIONAL: ClassVar[bool] = True
    at: int
    request_sha256: str
    answer: msgspec.Raw


class Asked(NamedTuple):
    """A request under an idempotency key: the stream its answer is kept in, and a hash of what was asked."""

    stream: str
    request_sha256: str


class Kept(NamedTuple):
    """What is known of a request: how many events, the answer, and where an advance that has begun is to end."""

    version: int = 0
    answer: bytes | None = None
    to: int | None = None


NEW = Kept()


def asked_under(key: str | None, run_id: str, name: str, body: object = None) -> Asked | None:
    """None without a key. Raises InvalidInput for a key that cannot be kept."""
    if key is None:
        return None
    if not 1 <= len(key) <= _MAX_KEY:
        raise InvalidInput([Fault("/Idempotency-Key", f"{len(key)} characters", f"1 to {_MAX_KEY} characters")])
    stream = f"command-{run_id}-{sha256(key.encode()).hexdigest()[:40]}"
    written = msgspec.json.encode(body, enc_hook=int)  # quantities: the integers they are
    return Asked(stream, sha256(name.encode() + b"\0" + written).hexdigest())


async def known(log: EventLog, asked: Asked | None) -> Kept:
    """What is known of this very request. Raises InvalidInput when the key was used for another one."""
    return NEW if asked is None else await asyncio.to_thread(kept, log, asked)


def kept(log: EventLog, asked: Asked) -> Kept:
    """As `known`, for code without an event loop."""
    found = NEW
    for row in log.read_stream(asked.stream):
        event = decode(row.topic, row.state)
        assert isinstance(event, AdvanceAccepted | CommandAnswered), "these streams hold nothing else"
        if event.request_sha256 != asked.request_sha256:
            expected = "a key of its own for every request"
            raise InvalidInput([Fault("/Idempotency-Key", "a key used for another request", expected)])
        if isinstance(event, CommandAnswered):
            found = found._replace(version=row.version, answer=bytes(event.answer))
        else:
            found = found._replace(version=row.version, to=event.to)
    return found


def answer_write(
    asked: Asked | None, known: Kept, at: int, *, to: int | None = None, answer: object = None
) -> Sequence[StreamWrite]:
    """What has become known since: an advance accepted `to`, the answer, or both. Nothing without a key."""
    if asked is None:
        return ()
    events: list[Event] = []
    if to is not None and known.to is None:
        events.append(AdvanceAccepted(at, asked.request_sha256, to))
    if answer is not None:
        events.append(CommandAnswered(at, asked.request_sha256, msgspec.Raw(msgspec.json.encode(answer))))
    return (StreamWrite(asked.stream, known.version, [encode(event) for event in events]),) if events else ()
