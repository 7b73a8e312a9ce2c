"""What a connection remembers for its operators: audit, notifications, incidents and the latest error.

Nothing is ever taken out again: an incident is closed, an error is cleared, and both stay to be seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from msgspec import Struct


class AuditEntry(Struct, frozen=True):
    """One thing that happened."""

    at: datetime
    event: str
    detail: str


class Notification(Struct, frozen=True):
    """One thing an operator is told, with the connection and the managed scope it is about."""

    at: datetime
    event: str
    text: str
    configuration_id: str
    scope_name: str


class Incident(Struct):
    """One stay in fallback mode: why it began, and what ended it."""

    number: int
    opened_at: datetime
    reason: str
    configuration_id: str
    scope_name: str
    closed_at: datetime | None = None
    resolution: str | None = None


class TrackedError(Struct):
    """The latest failure of the connection; cleared once the connection is online again."""

    at: datetime
    text: str
    cleared_at: datetime | None = None


@dataclass
class History:
    """Of one connection with one managed scope."""

    configuration_id: str
    scope_name: str
    audit: list[AuditEntry] = field(default_factory=list)
    notifications: list[Notification] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    last_error: TrackedError | None = None

    def record(self, now: datetime, event: str, detail: str) -> None:
        self.audit.append(AuditEntry(now, event, detail))

    def notify(self, now: datetime, event: str, text: str) -> None:
        """Tell the operators, and keep it in the audit."""
        self.record(now, event, text)
        self.notifications.append(Notification(now, event, text, self.configuration_id, self.scope_name))

    def fail(self, now: datetime, text: str) -> None:
        self.last_error = TrackedError(now, text)

    def clear_error(self, now: datetime) -> None:
        if self.last_error and self.last_error.cleared_at is None:
            self.last_error.cleared_at = now

    @property
    def open_incident(self) -> Incident | None:
        return self.incidents[-1] if self.incidents and self.incidents[-1].closed_at is None else None

    def open(self, now: datetime, reason: str) -> None:
        number = len(self.incidents) + 1
        self.incidents.append(Incident(number, now, reason, self.configuration_id, self.scope_name))

    def close(self, now: datetime, resolution: str) -> None:
        if incident := self.open_incident:
            incident.closed_at, incident.resolution = now, resolution
