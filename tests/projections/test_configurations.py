"""The read model `configurations` follows every configuration."""

from __future__ import annotations

from depot_sim.application.repository import pending_append
from depot_sim.domain.configuration.aggregate import SimulationConfiguration
from depot_sim.domain.configuration.definition import Definition
from depot_sim.read_models import configurations
from depot_sim.read_models.configurations import get_configuration, list_configurations, list_versions
from tests.projections.samples import DEPOT, Stores


def created(id: str) -> SimulationConfiguration:
    configuration = SimulationConfiguration(id)
    configuration.create(Definition.of(DEPOT))
    return configuration


def save(stores: Stores, configuration: SimulationConfiguration) -> None:
    stores.log.append(pending_append([configuration]))
    stores.catch_up()


def test_versions_are_kept_with_their_hashes(stores: Stores) -> None:
    configuration = created("north")
    save(stores, configuration)
    renamed = Definition.of(DEPOT | {"name": "Renamed"})
    configuration.revise(renamed)
    save(stores, configuration)
    database = stores.database(configurations.MODEL)
    shown = get_configuration(database, "north")
    assert shown is not None
    assert (shown.name, shown.version, shown.archived) == ("Renamed", 2, False)
    assert shown.created_at < shown.updated_at
    assert [(version.version, version.name, version.sha256) for version in list_versions(database, "north")] == [
        (1, "Two buses", Definition.of(DEPOT).sha256),
        (2, "Renamed", renamed.sha256),
    ]


def test_archived_configurations_can_be_left_out(stores: Stores) -> None:
    for id in ("north", "south", "west"):
        configuration = created(id)
        if id == "south":
            configuration.archive()
        save(stores, configuration)
    database = stores.database(configurations.MODEL)

    def listed(archived: bool | None) -> list[str]:
        return [c.configuration_id for c in list_configurations(database, archived=archived).configurations]

    assert (listed(None), listed(False), listed(True)) == (["west", "south", "north"], ["west", "north"], ["south"])


def test_pages_follow_each_other(stores: Stores) -> None:
    for id in ("a", "b", "c"):
        save(stores, created(id))
    database = stores.database(configurations.MODEL)
    first = list_configurations(database, limit=2)
    assert first.next_before is not None
    second = list_configurations(database, limit=2, before=first.next_before)
    assert [c.configuration_id for c in (*first.configurations, *second.configurations)] == ["c", "b", "a"]
    assert second.next_before is None


def test_an_unknown_configuration_is_none_and_has_no_versions(stores: Stores) -> None:
    database = stores.database(configurations.MODEL)
    assert get_configuration(database, "north") is None
    assert list_versions(database, "north") == []
