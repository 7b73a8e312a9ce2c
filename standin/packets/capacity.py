"""What one device says about one circuit's capacity, and what holds: its word, or the fail-safe.

    WAITING ──a valid capacity────────────────────────────────▶ AVAILABLE
    WAITING, AVAILABLE ──heartbeat lost, or none in time──────▶ FAIL_SAFE
    FAIL_SAFE ──a heartbeat, and with it or after it a valid capacity──▶ AVAILABLE, at once

Fail-safe has no minimum duration, and no end without a heartbeat: it stays capped, never unlimited. The watchdog runs
from the moment it is armed, not from the first heartbeat; only heartbeats wind it, neither other telemetry nor reads;
and it has expired when its time is up, not at some later look. A link that neither is configured nor ever names a
heartbeat has no watchdog. `now` is the clock that it goes by, and never goes back.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

_KEPT = 1_000


class Standing(StrEnum):
    """Which value holds."""

    WAITING = "WAITING"  # none was said yet
    AVAILABLE = "AVAILABLE"
    FAIL_SAFE = "FAIL_SAFE"


class Report(Struct, frozen=True, kw_only=True):
    """What one packet says; what it does not say is None. `said_at` is its time by the clock of the watchdog."""

    at: datetime
    said_at: datetime
    reference: str | None
    available_kw: float | None = None
    fail_safe_kw: float | None = None
    status: str | None = None
    counter: float | None = None


class Change(Struct, frozen=True):
    """From then on this capacity held, for this reason; `reference` is the packet that brought it, if one did."""

    at: datetime
    standing: Standing
    kw: float | None
    reason: str
    reference: str | None = None


@dataclass
class CapacityLink:
    """One device's link. Values are taken in the order of their times: a late packet changes nothing newer."""

    watchdog: timedelta
    safe_default_kw: float
    watched: bool = False
    standing: Standing = Standing.WAITING
    armed_at: datetime | None = None
    beat_at: datetime | None = None
    status: str | None = None
    available_kw: float | None = None
    fail_safe_kw: float | None = None
    changes: deque[Change] = field(default_factory=lambda: deque(maxlen=_KEPT))
    _heard: bool = False  # while in fail-safe: a heartbeat is back
    _counter: float | None = None
    _times: dict[str, datetime] = field(default_factory=dict)

    def renewed(self) -> CapacityLink:
        """As it was when it was made, but with its history."""
        return CapacityLink(self.watchdog, self.safe_default_kw, self.watched, changes=self.changes)

    @property
    def kw(self) -> float | None:
        """The capacity that holds, None while none was ever said."""
        if self.standing is Standing.FAIL_SAFE:
            return self.safe_default_kw if self.fail_safe_kw is None else self.fail_safe_kw
        return self.available_kw

    @property
    def expires_at(self) -> datetime | None:
        start = self.beat_at or self.armed_at
        return start and start + self.watchdog

    def arm(self, now: datetime) -> None:
        """From now on silence counts."""
        self.watched = True
        self.armed_at = self.armed_at or now

    def advance(self, now: datetime, *, before: bool = False) -> None:
        """Everything that follows from the time alone; `before` leaves out what is due at this very moment."""
        if self.watched:
            self.arm(now)
        due = self.expires_at
        if due is None or (now <= due if before else now < due):
            return
        self._heard = False
        if self.standing is not Standing.FAIL_SAFE:
            self._lose(due, f"no heartbeat for {self.watchdog.total_seconds():g} s", None)

    def take(self, report: Report, now: datetime) -> None:
        """A packet has come; `now` is where the clock stands with it."""
        beats = self._beats(report)
        self.watched = self.watched or report.status is not None
        self.advance(now, before=beats)
        previous = self.kw
        if report.fail_safe_kw is not None and self._is_newest("fail-safe", report):
            self.fail_safe_kw = report.fail_safe_kw
        if report.status is not None and self._is_newest("status", report):
            self._hear(report, beats=beats)
        if report.available_kw is not None and self._is_newest("available", report):
            self._offer(report)
        elif self.kw != previous and self.standing is Standing.FAIL_SAFE:
            self._note(report.at, "another fail-safe capacity", report.reference)

    def _beats(self, report: Report) -> bool:
        """A counter that stands still is no heartbeat, whatever the status says."""
        if report.status != "OK":
            return False
        return report.counter is None or report.counter != self._counter

    def _hear(self, report: Report, *, beats: bool) -> None:
        self.status = report.status
        self._counter = self._counter if report.counter is None else report.counter
        if report.status == "LOST" and self.standing is not Standing.FAIL_SAFE:
            self._lose(report.at, "HEARTBEAT_STATUS is LOST", report.reference)
        if beats:
            self.beat_at = max(report.said_at, self.beat_at or report.said_at)
        if self.standing is Standing.FAIL_SAFE:
            self._heard = beats or (self._heard and report.status != "LOST")

    def _offer(self, report: Report) -> None:
        previous, self.available_kw = self.available_kw, report.available_kw
        if self.standing is Standing.FAIL_SAFE:
            if self._heard:
                self._become(Standing.AVAILABLE, report.at, "heartbeat and capacity are back", report.reference)
        elif self.standing is Standing.WAITING or self.available_kw != previous:
            self._become(Standing.AVAILABLE, report.at, "available capacity", report.reference)

    def _lose(self, at: datetime, reason: str, reference: str | None) -> None:
        self._heard = False
        self._become(Standing.FAIL_SAFE, at, reason, reference)

    def _become(self, standing: Standing, at: datetime, reason: str, reference: str | None) -> None:
        self.standing = standing
        self._note(at, reason, reference)

    def _note(self, at: datetime, reason: str, reference: str | None) -> None:
        self.changes.append(Change(at, self.standing, self.kw, reason, reference))

    def _is_newest(self, what: str, report: Report) -> bool:
        """Nothing newer was said about it; a second word of the same moment counts."""
        if report.at < self._times.get(what, report.at):
            return False
        self._times[what] = report.at
        return True
