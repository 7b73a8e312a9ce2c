"""What an event says of a message, whether it says it with others or alone."""

from __future__ import annotations

from depot_sim.domain.kernel.events import Event
from depot_sim.domain.oscp.ledger import OscpMessageFinalised, OscpMessageHandled, OscpMessageRecorded


def recorded_in(event: Event | None) -> OscpMessageRecorded | None:
    if isinstance(event, OscpMessageHandled):
        return event.recorded
    return event if isinstance(event, OscpMessageRecorded) else None


def finalised_in(event: Event | None) -> OscpMessageFinalised | None:
    if isinstance(event, OscpMessageHandled):
        return event.finalised
    return event if isinstance(event, OscpMessageFinalised) else None
