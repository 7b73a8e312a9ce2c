"""Secrets that older versions recorded in clear: masked when a document or an event is shown.

The stored bytes stay as they are. What today's version records holds no such secret and is shown as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from depot_sim.domain.configuration.events import ConfigurationCreated, ConfigurationRevised
from depot_sim.domain.kernel.address import masked_address
from depot_sim.domain.kernel.headers import LITERAL
from depot_sim.domain.kernel.masking import MASK, Headers, masked, masked_members
from depot_sim.domain.oscp.events import OscpPartnerRegistered, OscpProviderSessionAttached
from depot_sim.domain.oscp.ledger import OscpMessageFinalised, OscpMessageHandled, OscpMessageRecorded
from depot_sim.domain.packets.events import (
    PacketDelivered,
    PacketDeliveryFailed,
    PacketFeedOpened,
    PacketFeedRefused,
    PacketRejected,
)
from depot_sim.domain.run.events import SimulationRunStarted

_MANIFEST = "profile.json"
_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


def shown_document(document_json: bytes) -> bytes:
    """JSON of a depot document, or of an event that holds one, without secrets in credentials and addresses."""
    if not any(mark in document_json for mark in (b'"credentials"', b"@", b"?")):
        return document_json
    document = _decode(document_json)
    shown = _shown(document)
    return document_json if shown == document else _encode(shown)


def shown_event(topic: str, state: bytes) -> bytes:
    """JSON of an event without the secrets that older versions recorded."""
    show = _SHOWN.get(topic)
    return state if show is None else show(state)


def shown_body(body: str) -> str:
    """A recorded body without the values of members that say token, secret or password."""
    data = body.encode("utf-8", "surrogatepass")
    shown = masked_members(data)
    return body if shown is data else shown.decode("utf-8", "surrogatepass")


def _shown(value: Any) -> Any:
    match value:
        case dict():
            return {name: _shown_member(name, held) for name, held in value.items()}
        case list():
            return [_shown(held) for held in value]
        case str():
            return masked_address(value)
    return value


def _shown_member(name: str, value: Any) -> Any:
    match name, value:
        case "credentials", {"headers": dict() as headers}:
            return _shown(value) | {"headers": {name: _shown_header(name, held) for name, held in headers.items()}}
        case "profile_files", {"profile.json": str() as manifest}:
            return value | {_MANIFEST: _shown_manifest(manifest)}
    return _shown(value)


def _shown_header(name: str, value: Any) -> Any:
    return MASK if isinstance(value, str) and name.lower() not in LITERAL else value


def _shown_manifest(text: str) -> str:
    """Of a packet profile: headers whose value is a text without a placeholder."""
    try:
        manifest = _decode(text)
    except ValueError:
        return text
    headers = manifest.get("headers") if isinstance(manifest, dict) else None
    if not isinstance(headers, dict):
        return text
    shown = {
        name: value if isinstance(value, str) and "{" in value else _shown_header(name, value)
        for name, value in headers.items()
    }
    return text if shown == headers else _encode(manifest | {"headers": shown}).decode()


class _Answer(msgspec.Struct):
    headers: Headers = ()
    body: str = ""


class _Message(msgspec.Struct):
    url: str = ""
    headers: Headers = ()
    body: str = ""
    answer: _Answer = msgspec.field(default_factory=_Answer)
    error: str = ""


class _Handled(msgspec.Struct):
    recorded: _Message
    finalised: _Message


class _Delivery(msgspec.Struct):
    answer_headers: Headers = ()
    answer: str = ""
    error: str = ""


_decode_message = msgspec.json.Decoder(_Message).decode
_decode_handled = msgspec.json.Decoder(_Handled).decode
_decode_delivery = msgspec.json.Decoder(_Delivery).decode


def _shown_message(state: bytes) -> bytes:
    return _replaced(state, _changes_of(_decode_message(state)))


def _shown_handled(state: bytes) -> bytes:
    handled = _decode_handled(state)
    return _replaced(_replaced(state, _changes_of(handled.recorded)), _changes_of(handled.finalised))


def _shown_delivery(state: bytes) -> bytes:
    delivery = _decode_delivery(state)
    return _replaced(state, _changes(delivery.answer_headers, (delivery.answer,), (delivery.error,)))


def _changes_of(message: _Message) -> Iterator[tuple[object, object]]:
    answer = message.answer
    yield from _changes(message.headers + answer.headers, (message.body, answer.body), (message.url, message.error))


def _changes(headers: Headers, bodies: tuple[str, ...], texts: tuple[str, ...]) -> Iterator[tuple[object, object]]:
    """What is recorded, and what is shown in its place."""
    shown = masked(headers)
    if shown != headers:
        yield from ((before, after) for before, after in zip(headers, shown, strict=True) if before != after)
    yield from ((body, shown_body(body)) for body in bodies if body)
    yield from ((text, masked_address(text)) for text in texts if text)


def _replaced(state: bytes, changes: Iterator[tuple[object, object]]) -> bytes:
    """An event is encoded in one way only, so that a value can be found by its encoding."""
    for before, after in changes:
        if before != after:
            state = state.replace(_encode(before), _encode(after))
    return state


_SHOWN: Mapping[str, Callable[[bytes], bytes]] = {
    ConfigurationCreated.TOPIC: shown_document,
    ConfigurationRevised.TOPIC: shown_document,
    SimulationRunStarted.TOPIC: shown_document,
    OscpProviderSessionAttached.TOPIC: shown_document,
    OscpPartnerRegistered.TOPIC: shown_document,
    PacketFeedOpened.TOPIC: shown_document,
    PacketFeedRefused.TOPIC: shown_document,
    OscpMessageRecorded.TOPIC: _shown_message,
    OscpMessageFinalised.TOPIC: _shown_message,
    OscpMessageHandled.TOPIC: _shown_handled,
    PacketDelivered.TOPIC: _shown_delivery,
    PacketRejected.TOPIC: _shown_delivery,
    PacketDeliveryFailed.TOPIC: _shown_delivery,
}
