"""Small events and writes that the event store's tests share."""

from __future__ import annotations

import sys
from typing import ClassVar

from depot_sim.application.event_log import Append, StreamWrite
from depot_sim.domain.kernel.aggregate import Basis
from depot_sim.domain.kernel.events import EncodedEvent, Event, encode


class Counted(Event, frozen=True):
    TOPIC: ClassVar[str] = "test.event-store.Counted"

    number: int
    text: str = ""


def counted(*numbers: int) -> list[EncodedEvent]:
    return [encode(Counted(number)) for number in numbers]


def write(stream: str, expected: int, *numbers: int, basis: Basis | None = None) -> Append:
    """One event per number, on one stream."""
    return Append([StreamWrite(stream, expected, counted(*numbers), basis)])


def say(text: object) -> None:
    """A line on standard output, at once: how a child process of a test reports."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
