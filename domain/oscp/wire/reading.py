"""Reading what a partner sent: at once when it is as the standard wants it, else with an account of every oddity."""

from __future__ import annotations

import msgspec

from depot_sim.domain.oscp.findings import Deviation, Finding
from depot_sim.domain.oscp.profile import PartnerProfile
from depot_sim.domain.oscp.vocabulary import MessageType
from depot_sim.domain.oscp.wire.lenient import read_leniently
from depot_sim.domain.oscp.wire.messages import Handshake, HandshakeAcknowledge, Message
from depot_sim.domain.oscp.wire.notes import Notes
from depot_sim.domain.oscp.wire.strict import read_clean

_OF_NOTHING: dict[MessageType, Message] = {
    MessageType.HANDSHAKE: Handshake(),
    MessageType.HANDSHAKE_ACKNOWLEDGE: HandshakeAcknowledge(),
}
"""Messages that may come without a body."""


class Reading(msgspec.Struct, frozen=True):
    """What a body says. `message` is None when a part that is needed cannot be understood.

    There may be findings beside a message: deviations that could be read, and that the profile does not tolerate.
    """

    message: Message | None
    findings: tuple[Finding, ...] = ()
    deviations: tuple[Deviation, ...] = ()


def read(type: MessageType, body: bytes, profile: PartnerProfile) -> Reading:
    """What the body of a message of this type says. Never raises; all findings are MALFORMED or SCHEMA."""
    if not body and type in _OF_NOTHING:
        return Reading(_OF_NOTHING[type])
    try:
        return Reading(read_clean(type, body))
    except (ValueError, ArithmeticError, RecursionError):
        return _read_leniently(type, body, profile)


def _read_leniently(type: MessageType, body: bytes, profile: PartnerProfile) -> Reading:
    notes = Notes(profile.tolerated)
    message = read_leniently(type, body, notes)
    return Reading(message, tuple(notes.findings), tuple(notes.deviations))
