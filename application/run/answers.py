"""Answers kept under an Idempotency-Key: one stream per key, written with the command's own events or not at all."""

from __future__ import annotations

from hashlib import sha256
from typing import ClassVar

import msgspec

from application.event_log import EventLog, StreamWrite
from domain.errors import Fault, InvalidInput
from domain.events import Event, decode, encode

_MAX_KEY = 200


class CommandAnswered(Event, frozen=True):
    """What was asked (as a hash) and what was answered, at logical time `at`."""

    TOPIC: ClassVar[str] = "command.answered.1"
    OPERATIONAL: ClassVar[bool] = True
    at: int
    request_sha256: str
    answer: msgspec.Raw


def answers_stream(run_id: str, key: str) -> str:
    return f"command-{run_id}-{sha256(key.encode()).hexdigest()[:40]}"


def request_hash(name: str, body: object) -> str:
    return sha256(name.encode() + b"\0" + msgspec.json.encode(body)).hexdigest()


def check_key(key: str) -> None:
    if not 1 <= len(key) <= _MAX_KEY:
        raise InvalidInput([Fault("/Idempotency-Key", f"{len(key)} characters", f"1 to {_MAX_KEY} characters")])


def kept_answer(log: EventLog, stream: str, request_sha256: str) -> bytes | None:
    """The answer given before under this key. Raises InvalidInput when the key was used for another request."""
    rows = log.read_stream(stream, limit=1)
    if not rows:
        return None
    event = decode(rows[0].topic, rows[0].state)
    assert isinstance(event, CommandAnswered), "these streams hold nothing else"
    if event.request_sha256 != request_sha256:
        expected = "a key of its own for every request"
        raise InvalidInput([Fault("/Idempotency-Key", "a key used for another request", expected)])
    return bytes(event.answer)


def answer_write(stream: str, at: int, request_sha256: str, answer: bytes) -> StreamWrite:
    return StreamWrite(stream, 0, [encode(CommandAnswered(at, request_sha256, msgspec.Raw(answer)))])
