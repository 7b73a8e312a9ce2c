"""Packets and the platform's answers as overrides and expectations see them.

Headers that begin with a colon are not on the wire: they tell what every profile's body tells in its own way.
"""

from __future__ import annotations

from collections.abc import Iterable

from depot_sim.domain.interaction.message import Direction, ObservedMessage
from depot_sim.domain.packets.packet import Packet

ANSWER = "Answer"
ACCEPTED = "accepted"
"""The outcome of an answer in the two hundreds."""
REJECTED = "rejected"
"""Of any other answer."""
SENT = "sent"
"""Of a packet that is published; whatever becomes of it, the answers tell."""
WITHHELD = "withheld"
"""Of a packet that an override does not let go."""

Headers = Iterable[tuple[str, str]]


DEVICE_HEADERS = frozenset({":device", ":device-type", ":scope"})
"""What is the same in all packets of a device."""


def packet_exchange(packet: Packet, body: bytes, target: str, at: int, headers: Headers = ()) -> ObservedMessage:
    """A packet on its way out. `target` is the feed's id, `at` the run's time in ms since 1970 UTC."""
    told = (
        (":device", packet.device_id),
        (":device-type", packet.device_type.value),
        (":scope", packet.scope_id),
        (":seq", str(packet.seq)),
    )
    return ObservedMessage(
        Direction.OUTBOUND.value,
        packet.type.value.capitalize(),
        target,
        packet.packet_id,
        at=at,
        entry_id=packet.packet_id,
        headers=(*told, *headers),
        raw=body,
    )


def answer_exchange(
    packet: Packet, attempt: int, status: int, body: bytes, target: str, at: int, headers: Headers = ()
) -> ObservedMessage:
    """The platform's answer to an attempt (from 1) at delivering a packet."""
    told = (
        (":status", str(status)),
        (":attempt", str(attempt)),
        (":device", packet.device_id),
        (":device-type", packet.device_type.value),
        (":packet-type", packet.type.value.capitalize()),
    )
    return ObservedMessage(
        direction=Direction.INBOUND.value,
        message_type=ANSWER,
        target=target,
        request_id=f"{packet.packet_id}/answer-{attempt}",
        correlation_id=packet.packet_id,
        at=at,
        entry_id=f"{packet.packet_id}/answer-{attempt}",
        headers=(*told, *headers),
        raw=body,
    )


def outcome_of(status: int) -> str:
    """Of an answer with this status."""
    return ACCEPTED if 200 <= status < 300 else REJECTED
