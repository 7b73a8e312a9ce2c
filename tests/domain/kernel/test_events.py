"""Topics are for ever: old shapes still load, no topic has two owners, an unknown one is said to be unknown."""

from __future__ import annotations

from typing import ClassVar

import pytest

from depot_sim.domain.kernel import events
from depot_sim.domain.kernel.errors import UnknownTopic
from depot_sim.domain.kernel.events import Event, decode, encode, topics


@pytest.fixture(autouse=True)
def _own_topics(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test registers is gone after it."""
    monkeypatch.setattr(events, "_classes", dict(events._classes))
    monkeypatch.setattr(events, "_decoders", dict(events._decoders))


def test_an_event_comes_back_as_it_was_written() -> None:
    class Washed(Event, frozen=True):
        TOPIC: ClassVar[str] = "test.washed.1"
        bus: str

    assert decode(*encode(Washed("bus-1"))) == Washed("bus-1")


def test_a_field_added_later_takes_its_default_in_an_old_row() -> None:
    class Washed(Event, frozen=True):
        TOPIC: ClassVar[str] = "test.washed.1"
        bus: str
        litres: int = 300

    assert decode("test.washed.1", b'{"bus":"bus-1"}') == Washed("bus-1", 300)


def test_an_old_shape_becomes_the_newest_one_over_several_steps() -> None:
    class Washed(Event, frozen=True):
        TOPIC: ClassVar[str] = "test.washed.3"
        bus: str
        duration_ms: int

    class WashedInSeconds(Event, frozen=True):
        TOPIC: ClassVar[str] = "test.washed.2"
        bus: str
        seconds: int

        def upcast(self) -> Washed:
            return Washed(self.bus, self.seconds * 1_000)

    class WashedInMinutes(Event, frozen=True):
        TOPIC: ClassVar[str] = "test.washed.1"
        bus: str
        minutes: int

        def upcast(self) -> WashedInSeconds:
            return WashedInSeconds(self.bus, self.minutes * 60)

    expected = Washed("bus-1", 120_000)
    assert decode("test.washed.1", b'{"bus":"bus-1","minutes":2}') == expected
    assert decode("test.washed.2", b'{"bus":"bus-1","seconds":120}') == expected
    assert decode(*encode(expected)) == expected


def test_a_topic_has_one_owner() -> None:
    with pytest.raises(TypeError, match=r"run\.ticked\.1"):

        class Other(Event, frozen=True):
            TOPIC: ClassVar[str] = "run.ticked.1"


def test_a_topic_of_a_newer_version_is_said_to_be_unknown() -> None:
    with pytest.raises(UnknownTopic) as unknown:
        decode("test.from-the-future.1", b"{}")
    assert unknown.value.topic == "test.from-the-future.1"
    assert unknown.value.topic not in topics()
