"""What overrides make of a packet: which bytes are sent, how often, how late, in which order, or not at all.

    hits = overrides.hit(packet_exchange(packet, body, ...), now)              at publication, once a packet
    treated = treat(packet, body, treatment(hits), memory, encode, keys)
    memory.remember(treated.packet)                                            in the fold of the event that records it

All of it is decided when the packet is published, from the run's own time, so that equal runs send equal packets. Only
whether the network is down is asked again at every attempt to deliver: `outage_over`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import cast

import msgspec

from depot_sim.domain.interaction.effects import Distort, Outage, Reorder, Slot, Withhold
from depot_sim.domain.interaction.malforming import malformed
from depot_sim.domain.interaction.message import ObservedMessage
from depot_sim.domain.interaction.overrides import Overrides
from depot_sim.domain.interaction.treatment import UNMARKED, Marks, Treatment
from depot_sim.domain.packets.device import BoundKey
from depot_sim.domain.packets.distorting import distorted, holds, untold
from depot_sim.domain.packets.memory import Memory
from depot_sim.domain.packets.packet import Measurement, Packet


class Treated(msgspec.Struct, frozen=True):
    """What becomes of a packet.

    packet: as the device tells it, distorted or not; what to record and remember. Its `seq` may be distorted too, so
        the feed counts by itself.
    body: the bytes to send.
    marks: the overrides that changed it, and those that only matched it. An outage of the network only matches it here:
        whether it keeps the packet from being delivered is seen when that is tried.
    truth: the measurements that are falsified or left out, as they are.
    withheld: it is not sent.
    unreachable: its first attempt fails for want of a network: an outage has singled it out.
    delay_ms: how long it waits before it is sent (wall time); the device's later packets wait behind it.
    copies: how many times more it is sent, each right behind the other and unchanged.
    reorder: it is sent behind later packets of its device.
    """

    packet: Packet
    body: bytes
    marks: Marks = UNMARKED
    truth: tuple[Measurement, ...] = ()
    withheld: bool = False
    unreachable: bool = False
    delay_ms: int = 0
    copies: int = 0
    reorder: Reorder | None = None


def treat(
    packet: Packet,
    body: bytes,
    treatment: Treatment,
    memory: Memory,
    encode: Callable[[Packet], bytes],
    keys: Sequence[BoundKey] = (),
) -> Treated:
    """The packet treated so. `body` is the packet as encoded; untreated, it is sent as it is.

    `keys` are the device's, by which overrides may name measurands as the profile does. Changes nothing.
    """
    if not treatment.hits:
        return Treated(packet, body)
    told, idle = packet, set[str]()
    for hit in sorted(treatment.distort, key=lambda hit: holds(cast(Distort, hit.effect))):
        before, told = told, distorted(told, (cast(Distort, hit.effect),), memory, keys)
        if told is before:
            idle.add(hit.override_id)
    encoded = body if told is packet else encode(told)
    sent = encoded if treatment.malform is None else malformed(encoded, treatment.malform)
    if sent == encoded:
        idle.update(treatment.by(Slot.CONTENT))
    if isinstance(treatment.outcome, Outage) and not treatment.singled_out:
        idle.update(treatment.by(Slot.OUTCOME))
    return Treated(
        told,
        sent,
        treatment.marks(idle),
        untold(packet, told),
        withheld=isinstance(treatment.outcome, Withhold),
        unreachable=isinstance(treatment.outcome, Outage) and treatment.singled_out,
        delay_ms=treatment.delay_ms,
        copies=treatment.duplicate.times if treatment.duplicate is not None else 0,
        reorder=treatment.reorder,
    )


def outage_over(overrides: Overrides, exchange: ObservedMessage, now: int) -> str:
    """The id of the outage that keeps this packet from being delivered at present, "" when there is none.

    Asked before every attempt; counts nothing, so it cannot make a difference to the packets published. An outage that
    singles packets out is none of the network's: it has its say at publication, as `unreachable`.
    """
    for override_id, active in overrides.active.items():
        override = active.override
        is_outage = isinstance(override.effect, Outage) and not override.singles_out
        if is_outage and now < override.until and override.match.matches(exchange):
            return override_id
    return ""
