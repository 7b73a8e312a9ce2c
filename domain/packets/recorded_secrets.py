"""Secrets that older versions recorded in answers to packets, masked when the event is shown."""

from __future__ import annotations

import msgspec

from depot_sim.domain.kernel.masking import Headers
from depot_sim.domain.kernel.recorded_secrets import changes, replaced


class _Delivery(msgspec.Struct):
    answer_headers: Headers = ()
    answer: str = ""
    error: str = ""


_decode_delivery = msgspec.json.Decoder(_Delivery).decode


def shown_delivery(state: bytes) -> bytes:
    """JSON of what became of a packet."""
    delivery = _decode_delivery(state)
    return replaced(state, changes(delivery.answer_headers, (delivery.answer,), (delivery.error,)))
