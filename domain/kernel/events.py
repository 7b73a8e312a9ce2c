"""Events: facts with a stable topic, their codec, and their place in a stream.

A topic is set once and never changed. A field added later gets a default; a new shape gets a new topic, and the old
class keeps the old topic and an `upcast()` that returns the new one. So a log written by any older version still loads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, cast

import msgspec

from depot_sim.domain.kernel.errors import UnknownTopic

_classes: dict[str, type[Event]] = {}
_decoders: dict[str, Callable[[bytes], Event]] = {}
_encode = msgspec.json.Encoder().encode


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """A fact. Subclasses set TOPIC.

    OPERATIONAL events tell how the run was operated (leases, resumes, snapshots), not what happened in the world:
    the canonical hash leaves them out. INCIDENTAL names fields that hash leaves out of the others as well: generated
    ids, and how fast wall time drove the run. SHOWN masks secrets that older versions recorded, in the event's JSON.
    """

    TOPIC: ClassVar[str] = ""
    OPERATIONAL: ClassVar[bool] = False
    INCIDENTAL: ClassVar[tuple[str, ...]] = ()
    SHOWN: ClassVar[Callable[[bytes], bytes] | None] = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        topic = cls.__dict__.get("TOPIC")
        if topic is None:
            return
        known = _classes.get(topic)
        if known is not None and known.__qualname__ != cls.__qualname__:
            raise TypeError(f"topic {topic!r} belongs to {known.__qualname__} already; give {cls.__qualname__} its own")
        _classes[topic] = cls
        _decoders.pop(topic, None)


class EncodedEvent(NamedTuple):
    """An event as the log holds it: its topic and its JSON."""

    topic: str
    state: bytes


class Recorded(NamedTuple):
    """An event at its place: `position` counts the log, `version` the stream; `recorded_at` is wall time (µs)."""

    position: int
    stream: str
    version: int
    event: Event
    recorded_at: int
    metadata: bytes


def encode(event: Event) -> EncodedEvent:
    return EncodedEvent(event.TOPIC, _encode(event))


def decode(topic: str, state: bytes) -> Event:
    """The event behind (topic, JSON), in its newest shape. Raises UnknownTopic for a topic of a newer depot-sim."""
    decoder = _decoders.get(topic)
    if decoder is None:
        decoder = _decoders[topic] = _decoder(event_class(topic))
    return decoder(state)


def build_decoders() -> None:
    """Build the decoder of every topic. Call it before the first thread: see bootstrap/msgspec_types.py."""
    for topic in topics():
        if topic not in _decoders:
            _decoders[topic] = _decoder(event_class(topic))


def event_class(topic: str) -> type[Event]:
    try:
        return _classes[topic]
    except KeyError:
        raise UnknownTopic(topic) from None


def topics() -> tuple[str, ...]:
    """Every topic this version can read, sorted."""
    return tuple(sorted(_classes))


def _decoder(cls: type[Event]) -> Callable[[bytes], Event]:
    decode_old = msgspec.json.Decoder(cls).decode
    if not hasattr(cls, "upcast"):
        return decode_old

    def upcasting(state: bytes) -> Event:
        event: Event = decode_old(state)
        while (upcast := getattr(event, "upcast", None)) is not None:
            event = cast(Event, upcast())
        return event

    return upcasting
