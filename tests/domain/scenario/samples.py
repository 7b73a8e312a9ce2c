"""Messages and moments for the tests of scenario control."""

from __future__ import annotations

from itertools import count

from depot_sim.domain.interaction.effects import AnyEffect, Reject
from depot_sim.domain.interaction.expectation_events import Moment
from depot_sim.domain.interaction.expectations import Expectations
from depot_sim.domain.interaction.message import ObservedMessage
from depot_sim.domain.interaction.override_events import Match, Override
from depot_sim.domain.kernel.events import decode, encode

FAR = 10**12
_numbers = count()


def message(message_type: str = "Heartbeat", direction: str = "inbound", **fields: object) -> ObservedMessage:
    """A message with ids of its own unless told otherwise."""
    number = next(_numbers)
    named = {"request_id": f"request-{number}", "entry_id": f"entry-{number}", **fields}
    return ObservedMessage(direction, message_type, "target", **named)  # type: ignore[arg-type]


def override(
    effect: AnyEffect | None = None,
    match: Match | None = None,
    until: int = FAR,
    times: int | None = None,
    seed: int = 0,
) -> Override:
    return Override(match or Match(), effect or Reject(), until, times, seed=seed)


def folded(expectations: Expectations) -> Expectations:
    """The same expectations as a restart loads them: from the events, without the recent messages."""
    loaded = Expectations(expectations.target)
    loaded.fold(decode(*encode(event)) for event in expectations.pending)
    return loaded


def moment(at: int) -> Moment:
    """The same time on every clock."""
    return Moment(at, at, at)
