"""Spoiling a JSON body on purpose."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from depot_sim.domain.interaction.effects import How, Malform
from depot_sim.domain.interaction.matching import same
from depot_sim.domain.interaction.message import NOTHING, decode_json
from depot_sim.domain.interaction.pointers import edited, tokens_of
from depot_sim.domain.kernel.instants import Instant, written

_DEPTH = 10_000
_NAN = "\ufdd0NaN\ufdd0"  # noncharacters: no message holds them
_encode = msgspec.json.Encoder(decimal_format="number").encode
_OFFSET = re.compile(r"(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$", re.ASCII)


def malformed(body: bytes, effect: Malform) -> bytes:
    """The body spoilt so; unchanged when there is nothing at the pointer that could be."""
    if effect.how in _WHOLE:
        return _WHOLE[effect.how](body)
    try:
        document = decode_json(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body
    spoilt = edited(document, tokens_of(effect.pointer), lambda value: _CHANGES[effect.how](value, effect))
    if spoilt is NOTHING:
        return b""
    return body if same(spoilt, document) else _written(spoilt)


def _written(document: Any) -> bytes:
    return _encode(document).replace(_encode(_NAN), b"NaN")


_WHOLE: Mapping[How, Callable[[bytes], bytes]] = {
    How.EMPTY: lambda _: b"",
    How.NOT_JSON: lambda body: body[:-1] + b",,",
    How.TRUNCATED: lambda body: body[: len(body) // 2],
    How.CORRUPTED: lambda body: body[: len(body) // 2] + b"\xff" + body[len(body) // 2 + 1 :],
    How.DEEP: lambda _: b"[" * _DEPTH + b"]" * _DEPTH,
}


def _added(value: Any, _: Malform) -> Any:
    if isinstance(value, list):
        return [_added(one, _) for one in value]
    return {**value, "unexpected_field": "unexpected"} if isinstance(value, dict) else value


def _retyped(value: Any, _: Malform) -> Any:
    match value:
        case str():
            return 0
        case list():
            return {}
        case dict():
            return []
    return "text"


def _reversed(value: Any, _: Malform) -> Any:
    return value[::-1] if isinstance(value, list) else value


def _everywhere(value: Any, change: Callable[[str], str]) -> Any:
    """A copy with every timestamp in it changed."""
    match value:
        case dict():
            return {name: _everywhere(held, change) for name, held in value.items()}
        case list():
            return [_everywhere(held, change) for held in value]
        case str():
            return change(value) if _is_timestamp(value) else value
    return value


def _is_timestamp(text: str) -> bool:
    try:
        Instant.parse(text)
    except ValueError:
        return False
    return True


def _naive(value: Any, _: Malform) -> Any:
    return _everywhere(value, lambda text: _OFFSET.sub("", written(Instant.parse(text))).replace("T", " "))


def _microseconds(value: Any, _: Malform) -> Any:
    return _everywhere(value, lambda text: written(Instant.parse(text)).replace("Z", "123Z"))


def _shifted(value: Any, effect: Malform) -> Any:
    return _everywhere(value, lambda text: written(Instant.parse(text) + effect.by_ms))


_CHANGES: Mapping[How, Callable[[Any, Malform], Any]] = {
    How.REMOVED: lambda _value, _effect: NOTHING,
    How.ADDED: _added,
    How.RETYPED: _retyped,
    How.REPLACED: lambda _value, effect: decode_json(effect.value),
    How.REVERSED: _reversed,
    How.NAN: lambda _value, _effect: _NAN,
    How.NAIVE_TIMESTAMPS: _naive,
    How.MICROSECOND_TIMESTAMPS: _microseconds,
    How.SHIFTED_TIMESTAMPS: _shifted,
}
