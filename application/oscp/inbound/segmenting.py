"""Segments that wait for the others of their message, in the memory of this process.

All segments of a message have to come to the same process, within the policy's time. Each is in the ledger as well,
recorded and not final until its message is complete: what a restart interrupts is found there, and ends as a failure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from depot_sim.application.oscp.inbound.arrivals import MOST_BODY_BYTES
from depot_sim.application.oscp.inbound.resolving import ResolvedRequest
from depot_sim.domain.oscp.findings import Finding, Kind
from depot_sim.domain.oscp.segments import MOST_SEGMENTS, Segment, add, expired
from depot_sim.domain.oscp.verdict import Verdict

MOST_WAITING = 2 * MOST_SEGMENTS
MOST_WAITING_BYTES = 4 * MOST_BODY_BYTES
"""Of one session."""


class Part:
    """A segment that was taken, with the verdict on it; `is_saved` once that is in the log.

    `is_joined` tells that its message is complete.
    """

    __slots__ = ("is_joined", "is_saved", "resolved", "verdict")

    def __init__(self, resolved: ResolvedRequest) -> None:
        self.resolved = resolved
        self.verdict: Verdict | None = None
        self.is_joined = False
        self.is_saved = False


class Joined(NamedTuple):
    """A resolved with what it completes, or as the part that it is; `earlier` are the other parts of a whole."""

    resolved: ResolvedRequest
    part: Part | None = None
    earlier: tuple[Part, ...] = ()


class _Room:
    """What waits of one session; `parts` are by request id."""

    __slots__ = ("parts", "waiting")

    def __init__(self) -> None:
        self.waiting: tuple[Segment, ...] = ()
        self.parts: dict[str, Part] = {}


class WaitingSegments:
    """Bounded in number and bytes for each session."""

    def __init__(self) -> None:
        self._rooms: dict[str, _Room] = {}

    def join(self, resolved: ResolvedRequest) -> Joined:
        """Put a segment to the others. One that does not fit to them comes back with a finding and does not wait."""
        if resolved.place is None or resolved.findings:
            return Joined(resolved)
        room = self._rooms.setdefault(resolved.attached.session_id, _Room())
        if len(room.waiting) >= MOST_WAITING:
            found = f"{len(room.waiting)} segments that wait already"
            finding = Finding("segment.too-many", Kind.SIZE, found, f"at most {MOST_WAITING}")
            return Joined(resolved.with_finding(finding))
        added = add(room.waiting, _segment(resolved), MOST_WAITING_BYTES)
        if added.finding is not None:
            return Joined(resolved.with_finding(added.finding))
        room.waiting = added.waiting
        part = room.parts[resolved.request_id] = Part(resolved)
        if added.whole is None:
            return Joined(resolved, part)
        parts = [room.parts.pop(request_id) for request_id in added.whole.request_ids]
        for joined in parts:
            joined.is_joined = True
        return Joined(resolved.as_whole(added.whole), None, tuple(one for one in parts if one is not part))

    def undo(self, joined: Joined) -> None:
        """A segment whose session could not decide was never here; those before it wait for it to come again."""
        if joined.part is not None:
            self.withdraw(joined.part)
        for part in joined.earlier:
            part.is_joined = False
            room = self._rooms.setdefault(part.resolved.attached.session_id, _Room())
            room.parts[part.resolved.request_id] = part
            room.waiting = (*room.waiting, _segment(part.resolved))

    def withdraw(self, part: Part) -> None:
        """Take out a segment that was refused after all."""
        room = self._rooms.get(part.resolved.attached.session_id)
        if room is not None and room.parts.get(part.resolved.request_id) is part:
            _remove(room, part)

    def entry_ids(self) -> set[str]:
        return {part.resolved.entry_id for room in self._rooms.values() for part in room.parts.values()}

    @property
    def due_ms(self) -> int | None:
        """The wall time at which the first of those that are saved is overdue."""
        parts = (part for room in self._rooms.values() for part in room.parts.values() if part.is_saved)
        return min(
            (one.resolved.wall_ms + one.resolved.attached.policy.segments_within_ms for one in parts), default=None
        )

    def overdue(self, now_ms: int) -> Iterator[tuple[str, list[Part]]]:
        """Segments, by session, that have waited too long; they do not wait any more. `now_ms` is wall time."""
        for session_id, room in list(self._rooms.items()):
            given_up = [part for part in room.parts.values() if part.is_saved and _is_overdue(room, part, now_ms)]
            for part in given_up:
                _remove(room, part)
            if not room.parts:
                del self._rooms[session_id]
            if given_up:
                yield session_id, given_up


def _segment(resolved: ResolvedRequest) -> Segment:
    assert resolved.place is not None, "the place of a segment is known"
    return Segment(
        resolved.type,
        resolved.request_id,
        resolved.correlation_id,
        resolved.place,
        resolved.arrival.body,
        resolved.wall_ms,
    )


def _is_overdue(room: _Room, part: Part, now_ms: int) -> bool:
    within_ms = part.resolved.attached.policy.segments_within_ms
    waiting = tuple(one for one in room.waiting if one.request_id == part.resolved.request_id)
    return bool(expired(waiting, now_ms, within_ms))


def _remove(room: _Room, part: Part) -> None:
    del room.parts[part.resolved.request_id]
    room.waiting = tuple(one for one in room.waiting if one.request_id != part.resolved.request_id)
