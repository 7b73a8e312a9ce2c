"""Secrets that older versions recorded in OSCP messages, masked when the event is shown."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from depot_sim.domain.kernel.masking import Headers
from depot_sim.domain.kernel.recorded_secrets import changes, replaced


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


_decode_message = msgspec.json.Decoder(_Message).decode
_decode_handled = msgspec.json.Decoder(_Handled).decode


def shown_message(state: bytes) -> bytes:
    """JSON of a message that was recorded, or finalised."""
    return replaced(state, _changes_of(_decode_message(state)))


def shown_handled(state: bytes) -> bytes:
    """JSON of a message that was recorded and finalised at once."""
    handled = _decode_handled(state)
    return replaced(replaced(state, _changes_of(handled.recorded)), _changes_of(handled.finalised))


def _changes_of(message: _Message) -> Iterator[tuple[object, object]]:
    answer = message.answer
    yield from changes(message.headers + answer.headers, (message.body, answer.body), (message.url, message.error))
