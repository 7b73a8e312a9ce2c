"""Events as they leave the service: the same JSON in a page, on a line and in a server-sent event."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from depot_sim.adapters.control_api.times import wall_time
from depot_sim.application.event_log import Row
from depot_sim.domain.kernel.recorded_secrets import shown_event

_encode = msgspec.json.Encoder().encode


class EventRecord(msgspec.Struct, frozen=True):
    """An event at its place: `position` in the whole log, `version` in its stream. `recorded_at` is wall time.

    `origin` is who asked for it, with the ids that were sent along; empty for what nobody asked for. `data` is the
    event as it was recorded, with its logical time `at` in ms since the run's start; secrets in older logs are masked.
    """

    position: int
    stream: str
    version: int
    type: str
    recorded_at: str
    origin: msgspec.Raw
    data: msgspec.Raw


class EventPage(msgspec.Struct, frozen=True):
    """`next` is what to pass as `after` to go on; `more` tells whether there is more already."""

    events: list[EventRecord]
    next: int
    more: bool


def record(row: Row) -> EventRecord:
    return EventRecord(
        position=row.position,
        stream=row.stream,
        version=row.version,
        type=row.topic,
        recorded_at=wall_time(row.recorded_at),
        origin=msgspec.Raw(row.metadata or b"{}"),
        data=msgspec.Raw(shown_event(row.topic, row.state)),
    )


def json_lines(rows: Iterable[Row]) -> bytes:
    return b"".join(_encode(record(row)) + b"\n" for row in rows)


def server_sent(rows: Iterable[Row]) -> bytes:
    """The id is the position, so that Last-Event-ID names exactly what was received."""
    return b"".join(
        b"id: %d\nevent: %s\ndata: %s\n\n" % (row.position, row.topic.encode(), _encode(record(row))) for row in rows
    )
