"""Secrets that older versions recorded in clear: masked when a document or an event is shown.

The stored bytes stay as they are. What today's version records holds no such secret and is shown as it is. An event
that may hold secrets names its function in `SHOWN`.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from depot_sim.domain.kernel.address import masked_address
from depot_sim.domain.kernel.errors import UnknownTopic
from depot_sim.domain.kernel.events import event_class
from depot_sim.domain.kernel.headers import LITERAL
from depot_sim.domain.kernel.masking import MASK, Headers, masked, masked_members

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
    """JSON of an event without the secrets that older versions recorded; unchanged when its topic is unknown."""
    try:
        show = event_class(topic).SHOWN
    except UnknownTopic:
        return state
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


def changes(headers: Headers, bodies: tuple[str, ...], texts: tuple[str, ...]) -> Iterator[tuple[object, object]]:
    """Recorded headers, bodies and other texts that hold secrets, each with what is shown in its place."""
    shown = masked(headers)
    if shown != headers:
        yield from ((before, after) for before, after in zip(headers, shown, strict=True) if before != after)
    yield from ((body, shown_body(body)) for body in bodies if body)
    yield from ((text, masked_address(text)) for text in texts if text)


def replaced(state: bytes, changes: Iterator[tuple[object, object]]) -> bytes:
    """An event's JSON with other values. Events are encoded in one way only: a value is found by its encoding."""
    for before, after in changes:
        if before != after:
            state = state.replace(_encode(before), _encode(after))
    return state
