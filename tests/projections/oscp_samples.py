"""OSCP sessions and messages as the log holds them, for the tests of the read side."""

from __future__ import annotations

from typing import Any

from depot_sim.application.event_log import EventLog
from depot_sim.domain.oscp.events import OscpProviderSessionAttached
from depot_sim.domain.oscp.findings import Finding, Kind
from depot_sim.domain.oscp.ledger import (
    Answer,
    OscpMessageFinalised,
    OscpMessageHandled,
    OscpMessageRecorded,
    entry_id_of,
    stream_of,
)
from depot_sim.domain.oscp.profiles import BETTERFLEET_VECTOR
from depot_sim.domain.oscp.session import stream_of as session_stream_of
from depot_sim.domain.oscp.vocabulary import (
    Direction,
    MeasurementConfiguration,
    MessageType,
    Outcome,
    PublicationMode,
    SessionClock,
    Validation,
)
from tests.projections.samples import append

NOON = 1_775_131_200_000
SESSION = "6dc59c9e-59a9-4f9b-a0f3-cc5d2b721111"
LATE = Finding("heartbeat.in-the-past", Kind.SEMANTICS, "2026-04-02T09:00:00Z", "a time after now", "/offline_mode_at")


def attached(session_id: str = SESSION, run_id: str = "r", configuration_id: str = "c1") -> OscpProviderSessionAttached:
    return OscpProviderSessionAttached(
        NOON,
        session_id,
        run_id,
        "scope-grid-1",
        "http://bf-manage-core:5001/oscp",
        configuration_id,
        "group-1",
        PublicationMode.GROUP,
        MeasurementConfiguration.INTERMITTENT,
        BETTERFLEET_VECTOR,
        SessionClock.WALL,
    )


def attach(log: EventLog, session_id: str = SESSION, run_id: str = "r", configuration_id: str = "c1") -> str:
    """Append a session and return its stream."""
    stream = session_stream_of(run_id, configuration_id)
    append(log, stream, attached(session_id, run_id, configuration_id))
    return stream


def recorded(
    request_id: str,
    direction: Direction = Direction.INBOUND,
    message_type: MessageType = MessageType.HEARTBEAT,
    **changes: Any,
) -> OscpMessageRecorded:
    fields: dict[str, Any] = {
        "at": NOON,
        "session_id": SESSION,
        "run_id": "r",
        "configuration_id": "c1",
        "direction": direction,
        "message_type": message_type,
        "request_id": request_id,
        "correlation_id": "",
        "url": "heartbeat",
        "headers": (("content-type", "application/json"), ("x-request-id", request_id)),
        "body": '{"offline_mode_at":"2026-04-02T09:00:00Z"}',
        "body_bytes": 42,
    } | changes
    return OscpMessageRecorded(entry_id=entry_id_of(stream_of(fields["session_id"], direction, request_id)), **fields)


def finalised(outcome: Outcome = Outcome.ACCEPTED, status: int = 204, **changes: Any) -> OscpMessageFinalised:
    return OscpMessageFinalised(NOON + 3, outcome, answer=Answer(status), latency_us=1_500, **changes)


def enter(log: EventLog, message: OscpMessageRecorded, end: OscpMessageFinalised | None = None) -> str:
    """Append a message, or only its end when it is there already, and return its entry's id.

    One received with its end is a single event.
    """
    stream = stream_of(message.session_id, message.direction, message.request_id)
    is_new = log.stream_version(stream) == 0
    if is_new and end is not None and message.direction is Direction.INBOUND:
        append(log, stream, OscpMessageHandled(message, end))
    else:
        append(log, stream, *([message] if is_new else []), *([end] if end is not None else []))
    return message.entry_id


def accepted(**changes: Any) -> OscpMessageFinalised:
    return finalised(validation=Validation.ACCEPTED, **changes)


def rejected(**changes: Any) -> OscpMessageFinalised:
    """By the simulator itself, for a heartbeat in the past."""
    judged = {"validation": Validation.REJECTED, "rule": LATE.rule, "findings": (LATE,)}
    return finalised(Outcome.REJECTED, 422, **judged | changes)
