"""docs/names.md: every name of the design leads to a class that is there, every event's topic is the one in the log."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

from depot_sim.domain.kernel.events import Event

PAGE = (Path(__file__).parents[2] / "docs" / "names.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| (\w+)(?:, [\w ]+)? \| `(\w+)` \| `([\w/]+)\.py` \|(?: `([\w.-]+)` \|)?$", re.MULTILINE)
ROWS = _ROW.findall(PAGE)

# The mission's design document, sections 3 and 6.
MODEL = set(
    re.findall(
        r"\w+",
        """
        SimulationConfiguration ManagedScope ElectricalTopology ProjectionBinding ProjectionRuntimeState
        OscpCapacityProviderBinding SimulationRun VehicleRuntimeState ChargerRuntimeState SensorRuntimeState
        NodeRuntimeState OscpCapacityProviderSession OscpNegotiatedBehaviour OscpScenarioOverride OscpForecastPlan
        OscpMessageLedgerEntry OscpMessageExpectation
        """,
    )
)
EVENTS = set(
    re.findall(
        r"\w+",
        """
        SimulationRunStarted SimulationRunResumed ProjectionStateChanged SensorPacketPublished
        TelematicsSnapshotServed OscpProviderSessionAttached OscpHandshakeReceived OscpHandshakeAcknowledgeSent
        OscpHeartbeatSent OscpHeartbeatReceived OscpForecastPublished OscpOutboundMessageReceived
        OscpOutboundMessageValidated ManagedScopeBreachDetected OscpMessageExpectationRaised OscpSessionTimedOut
        """,
    )
)
NOT_BUILT = {"TelematicsSnapshotServed"}


def class_of(row: tuple[str, str, str, str]) -> object:
    _, name, path, _ = row
    return getattr(import_module(f"depot_sim.{path.replace('/', '.')}"), name)


def test_every_name_of_the_design_has_its_row() -> None:
    model, events = PAGE.split("## The events")
    assert {name for name, *_ in _ROW.findall(model)} == MODEL
    assert {name for name, *_ in _ROW.findall(events)} == EVENTS - NOT_BUILT


@pytest.mark.parametrize("name", sorted(NOT_BUILT))
def test_what_is_not_built_says_so(name: str) -> None:
    assert f"| {name} | – | – | not built yet |" in PAGE


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[1]}")
def test_a_row_names_the_class_and_its_topic(row: tuple[str, str, str, str]) -> None:
    found, topic = class_of(row), row[3]
    if topic:
        assert isinstance(found, type)
        assert issubclass(found, Event)
        assert topic == found.TOPIC
