"""A post of packets, from its arrival to the answer it gets."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NoReturn

from msgspec import Struct

from depot_sim.standin.changes import Changes
from depot_sim.standin.packets.archive import Archive, Entry, Verdict
from depot_sim.standin.packets.encodings import Context, Received, Unreadable, read_packets
from depot_sim.standin.packets.findings import Finding
from depot_sim.standin.packets.misbehaviour import Action, Misbehaviour, Rule
from depot_sim.standin.packets.packet import Packet
from depot_sim.standin.packets.platform import Platform

_GARBAGE = b'{"accepted": \xff\xfe <html>'


class HungUp(Exception):
    """The connection is to be closed without an answer."""


class Post(Struct, frozen=True):
    """As it came; `device` is what the path names, `label` what the headers say of a single packet."""

    path: str
    device: str | None
    content_type: str
    body: bytes
    label: dict[str, Any] = {}


class Refusal(Struct, frozen=True):
    """A problem (RFC 9457)."""

    status: int
    title: str
    detail: str


class PacketOutcome(Struct, frozen=True):
    """What became of one packet, for the answer."""

    device: str
    packet_id: str | None
    seq: int | None
    verdict: Verdict
    findings: list[Finding]


class Acceptance(Struct, frozen=True):
    """The answer to packets that were accepted, those that were here before included."""

    accepted: int
    packets: list[PacketOutcome]


class Spoilt(Struct, frozen=True):
    """An answer that was asked for."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = {}


Answer = Acceptance | Refusal | Spoilt


class _Case(Struct, frozen=True):
    """A post as it was understood: its packets, or why there are none, or why they are not welcome."""

    post: Post
    at: datetime
    packets: list[Received] = []
    refusal: Refusal | None = None

    @property
    def devices(self) -> set[str]:
        return {self.post.device or "", *(one.packet.device for one in self.packets)}


@dataclass
class Intake:
    """Takes posts in for a platform, and misbehaves when told to."""

    platform: Platform
    clock: Callable[[], datetime]
    archive: Archive = field(default_factory=Archive)
    misbehaviour: Misbehaviour = field(default_factory=Misbehaviour)
    changes: Changes = field(default_factory=Changes)

    async def receive(self, post: Post) -> Answer:
        """Take the packets of a post in, and decide on its answer. Raises HungUp."""
        case = self._understand(post)
        rule = self.misbehaviour.take(case.devices)
        spares = rule is None or rule.taken or rule.action is Action.SLOW
        entries = self._take(case) if spares else self._keep(case, Verdict.WITHHELD)
        for entry in entries:
            entry.misbehaviour = rule.action if rule else None
        self.changes.announce()
        answer: Answer = case.refusal or _acceptance(entries)
        if rule:
            answer = await _spoil(answer, rule)
        for entry in entries:
            entry.status = status_of(answer)
        return answer

    async def until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Whether it came true in time, by a packet or by the time alone."""
        deadline = self.clock() + timedelta(seconds=timeout)
        while (now := self.clock()) < deadline and not condition():
            expiry = self.platform.microgrid.circuits.next_expiry() or deadline
            await self.changes.until(condition, (min(deadline, expiry) - now).total_seconds())
        return condition()

    def turn_away(self, post: Post, detail: str) -> Refusal:
        """It comes without the authorization, so nobody looks what is in it."""
        [entry] = self._keep(_Case(post, self.clock()), Verdict.TURNED_AWAY)
        entry.status = 401
        self.changes.announce()
        return Refusal(401, "Not authorized", detail)

    def _understand(self, post: Post) -> _Case:
        now = self.clock()
        try:
            packets = read_packets(post.body, Context(now, post.device, post.label, self.platform.settings.fields))
        except Unreadable as problem:
            return _Case(post, now, refusal=Refusal(400, "Unreadable packet", str(problem)))
        strangers = sorted({one.packet.device for one in packets if not self.platform.welcomes(one.packet.device)})
        refusal = Refusal(403, "Unknown device", f"not configured: {', '.join(strangers)}") if strangers else None
        return _Case(post, now, packets, refusal)

    def _take(self, case: _Case) -> list[Entry]:
        if case.refusal:
            return self._keep(case, Verdict.TURNED_AWAY if case.packets else Verdict.UNREADABLE)
        entries = self._keep(case, Verdict.APPLIED)
        for entry, received in zip(entries, case.packets, strict=True):
            entry.verdict, entry.findings = self.platform.take(received, case.at)
        return entries

    def _keep(self, case: _Case, verdict: Verdict) -> list[Entry]:
        """An entry for each packet, or one for the post."""
        if not case.packets:
            return [self._entry(case, case.post.device or "", case.post.body, verdict)]
        return [self._entry(case, one.packet.device, one.body, verdict, one.packet) for one in case.packets]

    def _entry(self, case: _Case, device: str, body: bytes, verdict: Verdict, packet: Packet | None = None) -> Entry:
        return self.archive.note(
            Entry(
                number=self.archive.next_number(),
                arrived_at=case.at,
                device=device,
                path=case.post.path,
                content_type=case.post.content_type,
                body=body,
                verdict=verdict,
                packet=packet,
            )
        )


def status_of(answer: Answer) -> int:
    return 202 if isinstance(answer, Acceptance) else answer.status


def _acceptance(entries: list[Entry]) -> Acceptance:
    return Acceptance(len(entries), [_outcome(entry, entry.packet) for entry in entries if entry.packet])


def _outcome(entry: Entry, packet: Packet) -> PacketOutcome:
    """What is lost is told as if it were not."""
    verdict = Verdict.APPLIED if entry.verdict is Verdict.WITHHELD else entry.verdict
    return PacketOutcome(packet.device, packet.packet_id, packet.seq, verdict, entry.findings)


async def _spoil(answer: Answer, rule: Rule) -> Answer:
    """The answer that was asked for, in place of the true one. Raises HungUp."""
    match rule.action:
        case Action.SLOW:
            await asyncio.sleep(rule.seconds or 0)
        case Action.HANG:
            await _until_the_peer_gives_up()
        case Action.HANG_UP:
            raise HungUp
        case Action.STATUS:
            return Spoilt(rule.status or 500, headers={"Retry-After": rule.retry_after} if rule.retry_after else {})
        case Action.REDIRECT:
            return Spoilt(307, headers={"Location": rule.location or "/"})
        case Action.GARBAGE:
            return Spoilt(200, _GARBAGE, {"Content-Type": "application/json"})
        case Action.LOSE:
            pass
    return answer


async def _until_the_peer_gives_up() -> NoReturn:
    """The server cancels us then."""
    while True:
        await asyncio.Event().wait()
