"""A configuration's versions are whole documents, replaced only by who has seen the newest."""

from __future__ import annotations

import msgspec
import pytest

from depot_sim.domain.configuration.aggregate import SimulationConfiguration
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.configuration.events import ConfigurationArchived, ConfigurationCreated, ConfigurationRevised
from depot_sim.domain.kernel.errors import Conflict, InvalidInput, PreconditionFailed
from depot_sim.domain.kernel.events import Event, decode, encode
from tests.domain.configuration.samples import depot

FIRST = Definition.of(depot())
SECOND = Definition.of(depot(("/name", "Second")))
THIRD = Definition.of(depot(("/name", "Third")))


@pytest.fixture
def configuration() -> SimulationConfiguration:
    created = SimulationConfiguration("c-1")
    created.create(FIRST)
    return created


def test_creation_records_the_whole_document(configuration: SimulationConfiguration) -> None:
    (event,) = configuration.pending

    assert isinstance(event, ConfigurationCreated)
    assert (configuration.stream, configuration.newest, event.name) == ("configuration-c-1", 1, "Sample")
    assert Definition.recorded(bytes(event.document)) == FIRST


def test_a_revision_is_a_whole_new_version(configuration: SimulationConfiguration) -> None:
    configuration.revise(SECOND, expected_version=1)
    event = configuration.pending[-1]

    assert isinstance(event, ConfigurationRevised)
    assert (event.version, event.sha256, configuration.newest) == (2, SECOND.sha256, 2)
    assert configuration.state.document_json == SECOND.document_json


def test_a_revision_for_another_version_is_refused_and_changes_nothing(configuration: SimulationConfiguration) -> None:
    configuration.revise(SECOND)

    with pytest.raises(PreconditionFailed, match="at version 2, not 1"):
        configuration.revise(THIRD, expected_version=1)
    assert configuration.newest == 2


def test_a_revision_equal_to_the_newest_changes_nothing(configuration: SimulationConfiguration) -> None:
    configuration.revise(Definition.of(depot()))

    assert (configuration.newest, len(configuration.pending)) == (1, 1)


def test_a_configuration_is_created_once(configuration: SimulationConfiguration) -> None:
    with pytest.raises(Conflict, match="exists already"):
        configuration.create(FIRST)


def test_an_archived_configuration_takes_no_change(configuration: SimulationConfiguration) -> None:
    with pytest.raises(PreconditionFailed):
        configuration.archive(expected_version=7)
    configuration.archive(expected_version=1)

    with pytest.raises(Conflict, match="archived"):
        configuration.revise(SECOND)
    with pytest.raises(Conflict, match="archived"):
        configuration.archive()


def test_the_events_survive_the_log(configuration: SimulationConfiguration) -> None:
    configuration.revise(SECOND)
    configuration.archive()
    recorded: list[Event] = [decode(*encode(event)) for event in configuration.pending]
    again = SimulationConfiguration("c-1")
    again.fold(recorded)

    assert isinstance(recorded[-1], ConfigurationArchived)
    assert again.version == configuration.version == 3
    assert again.state.hashes == [FIRST.sha256, SECOND.sha256]
    assert again.state.document_json == SECOND.document_json
    assert again.state.archived


def test_a_definition_keeps_what_was_given_in_the_order_given() -> None:
    raw = depot()
    shuffled = dict(reversed(raw.items()))

    assert list(msgspec.json.decode(Definition.of(shuffled).document_json)) == list(shuffled)
    assert Definition.of(shuffled).document == FIRST.document
    assert Definition.of(shuffled).sha256 != FIRST.sha256


def test_only_sound_documents_become_definitions() -> None:
    with pytest.raises(InvalidInput):
        Definition.of(depot(("/managed_scopes/0/node", "nowhere")))


def test_a_recorded_document_loads_even_when_a_rule_was_added_since() -> None:
    once_accepted = msgspec.json.encode(depot(("/managed_scopes/0/node", "nowhere")))

    assert Definition.recorded(once_accepted).document.managed_scopes[0].node == "nowhere"
