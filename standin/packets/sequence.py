"""The sequence of one device's packets: what is missing, what comes again, and whether its clock can be true.

Numbers are the device's own and grow by one with every packet; ids tell the same packet from another one with the same
number. A number that comes again in a BIRTH, or with a clock that went back, means that the device began anew.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from depot_sim.standin.packets.findings import Finding, Kind
from depot_sim.standin.packets.packet import Packet, PacketType

_IDS_REMEMBERED = 2_000
_STEPS_TO_LEARN = 3
_LEAP_AT_LEAST = timedelta(minutes=1)
_LEAP_TIMES = 3


@dataclass
class Clock:
    """The device's clock, judged by itself: it goes forward, and in steps such as it has made before."""

    latest: datetime | None = None
    longest_step: timedelta = timedelta()
    steps: int = 0

    def look(self, packet: Packet, *, follows: bool) -> Finding | None:
        """`follows` says that nothing is missing since the packet before."""
        previous, self.latest = self.latest, packet.sent_at
        if previous is None or packet.type is PacketType.BIRTH:
            return None
        step = packet.sent_at - previous
        if step < timedelta():
            return Finding(Kind.CLOCK_SKEW, f"the clock went back by {-step}")
        return self._judge(step) if follows else None

    def _judge(self, step: timedelta) -> Finding | None:
        bound = max(_LEAP_AT_LEAST, _LEAP_TIMES * self.longest_step)
        if self.steps >= _STEPS_TO_LEARN and step > bound:
            return Finding(Kind.CLOCK_SKEW, f"the clock leapt by {step}; never before by more than {self.longest_step}")
        self.steps, self.longest_step = self.steps + 1, max(self.longest_step, step)
        return None


@dataclass
class Sequence:
    """One device. `life` counts how often it began anew."""

    life: int = 0
    alive: bool = False
    declared: bool = False  # or known to speak without having been
    highest: int | None = None
    missing: set[int] = field(default_factory=set)
    repeats: int = 0
    clock: Clock = field(default_factory=Clock)
    _ids: dict[str, bytes] = field(default_factory=dict)

    def look(self, packet: Packet, body: bytes) -> tuple[bool, list[Finding]]:
        """Whether the packet is new, and what is odd about its place."""
        if repeated := self._repeated(packet, body):
            self.repeats += 1
            return False, [repeated]
        if packet.seq in self.missing:
            self.missing.discard(packet.seq)
            return True, [Finding(Kind.OUT_OF_ORDER, f"number {packet.seq} comes after {self.highest}")]
        return True, [*self._place(packet), *self._stage_of_life(packet)]

    def _repeated(self, packet: Packet, body: bytes) -> Finding | None:
        """A packet without an id is told by its content: what says the same of the same moment is the same."""
        content = hashlib.blake2b(body, digest_size=8).digest()
        name = packet.packet_id or f"{packet.sent_at.isoformat()} {content.hex()}"
        earlier = self._ids.get(name)
        if earlier is None:
            self._remember(name, content)
            return None
        if earlier == content:
            return Finding(Kind.REPEATED, f"{name} was here before")
        return Finding(Kind.CONFLICT, f"{name} was here before, and said something else")

    def _remember(self, name: str, content: bytes) -> None:
        self._ids[name] = content
        if len(self._ids) > _IDS_REMEMBERED:
            del self._ids[next(iter(self._ids))]

    def _place(self, packet: Packet) -> list[Finding]:
        seq = packet.seq
        if seq is None:
            return [skew] if (skew := self.clock.look(packet, follows=False)) else []
        if self.highest is not None and seq <= self.highest:
            return self._come_again(packet, seq)
        return self._go_on(packet, seq)

    def _go_on(self, packet: Packet, seq: int) -> list[Finding]:
        skipped = range(seq) if self.highest is None else range(self.highest + 1, seq)
        findings = []
        if self.highest is not None and skipped:
            findings.append(Finding(Kind.GAP, f"{len(skipped)} missing before number {seq}"))
            self._miss(skipped)
        skew = self.clock.look(packet, follows=not skipped)
        self.highest = seq
        return [*findings, skew] if skew else findings

    def _miss(self, skipped: range) -> None:
        self.missing.update(skipped[-_IDS_REMEMBERED:])
        while len(self.missing) > _IDS_REMEMBERED:
            self.missing.discard(min(self.missing))

    def _come_again(self, packet: Packet, seq: int) -> list[Finding]:
        earlier = self.clock.latest
        anew = packet.type is PacketType.BIRTH or (earlier is not None and packet.sent_at < earlier)
        if not anew:
            return [Finding(Kind.NUMBER_AGAIN, f"number {seq} again, in another packet; {self.highest} was the latest")]
        finding = Finding(Kind.RESTARTED, f"number {seq} again after {self.highest}: the device began anew")
        self.life, self.highest, self.missing = self.life + 1, seq, set()
        self.declared, self.alive, self.clock = False, False, Clock(packet.sent_at)
        return [finding]

    def _stage_of_life(self, packet: Packet) -> list[Finding]:
        """Birth and death; a device that does not number its packets may do without."""
        dead = self.declared and not self.alive
        declared, self.declared = self.declared, True
        self.alive = packet.type is not PacketType.DEATH
        if packet.seq is None or packet.type is PacketType.BIRTH:
            return []
        if dead:
            return [Finding(Kind.AFTER_DEATH, "the device has said its last, and was not born again")]
        return [] if declared else [Finding(Kind.NO_BIRTH, "the device was not declared by a BIRTH")]
