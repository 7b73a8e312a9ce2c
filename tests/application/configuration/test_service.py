"""The configuration service on every event store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from typing import TypeVar

import pytest

from depot_sim.adapters.event_store import EventStore, open_event_store
from depot_sim.application.configuration import ConfigurationService
from depot_sim.application.repository import Repository
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.errors import Conflict, NotFound, PreconditionFailed
from tests.domain.configuration.samples import depot

T = TypeVar("T")
FIRST = Definition.of(depot())


def named(name: str) -> Definition:
    return Definition.of(depot(("/name", name)))


class CountingIds:
    def __init__(self) -> None:
        self._numbers = count(1)

    def new_id(self) -> str:
        return f"c-{next(self._numbers)}"


@pytest.fixture(params=["memory:", "sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Iterator[EventStore]:
    fixtures = {"sqlite": "sqlite_url", "postgresql": "postgres_url"}
    url = request.getfixturevalue(fixtures[request.param]) if request.param in fixtures else request.param
    with open_event_store(url) as opened:
        yield opened


def run(store: EventStore, scenario: Callable[[ConfigurationService], Awaitable[T]]) -> T:
    async def main() -> T:
        journal = store.journal()
        try:
            return await scenario(ConfigurationService(Repository(store.log, journal), CountingIds()))
        finally:
            await journal.close()

    return asyncio.run(main())


def test_what_was_created_is_read_back(store: EventStore) -> None:
    async def scenario(service: ConfigurationService) -> None:
        created = await service.create(FIRST)
        read = await service.get(created.id)

        assert created == read
        assert (read.version, read.newest, read.archived, read.definition) == (1, 1, False, FIRST)

    run(store, scenario)


def test_every_version_stays_readable(store: EventStore) -> None:
    async def scenario(service: ConfigurationService) -> None:
        id = (await service.create(FIRST)).id
        await service.revise(id, named("Second"), expected_version=1)
        await service.revise(id, named("Third"), expected_version=2)
        await service.archive(id)

        names = [(await service.get(id, version)).definition.document.name for version in (1, 2, 3)]
        assert names == ["Sample", "Second", "Third"]
        assert [(v.version, v.name) for v in await service.versions(id)] == list(enumerate(names, 1))
        assert (await service.get(id)).archived

    run(store, scenario)


def test_of_two_revisions_of_one_version_one_wins(store: EventStore) -> None:
    async def scenario(service: ConfigurationService) -> None:
        id = (await service.create(FIRST)).id
        revisions = (service.revise(id, named(f"Revision {n}"), expected_version=1) for n in range(8))
        outcomes = await asyncio.gather(*revisions, return_exceptions=True)

        refused = [outcome for outcome in outcomes if isinstance(outcome, PreconditionFailed)]
        assert len(refused) == 7
        assert (await service.get(id)).newest == 2

    run(store, scenario)


def test_revisions_without_a_precondition_follow_each_other(store: EventStore) -> None:
    async def scenario(service: ConfigurationService) -> None:
        id = (await service.create(FIRST)).id
        await asyncio.gather(*(service.revise(id, named(f"Revision {n}")) for n in range(3)))

        assert (await service.get(id)).newest == 4

    run(store, scenario)


def test_sending_the_newest_again_writes_nothing(store: EventStore) -> None:
    async def scenario(service: ConfigurationService) -> None:
        id = (await service.create(FIRST)).id
        head = store.log.head()
        again = await service.revise(id, FIRST, expected_version=1)

        assert (again.version, store.log.head()) == (1, head)

    run(store, scenario)


def test_what_does_not_exist_is_not_found(store: EventStore) -> None:
    async def scenario(service: ConfigurationService) -> None:
        id = (await service.create(FIRST)).id
        with pytest.raises(NotFound, match="no version 2"):
            await service.get(id, 2)
        with pytest.raises(NotFound, match="no configuration 'other'"):
            await service.get("other")
        with pytest.raises(NotFound):
            await service.versions("other")
        with pytest.raises(NotFound):
            await service.archive("other")

    run(store, scenario)


def test_an_archived_configuration_is_not_revised(store: EventStore) -> None:
    async def scenario(service: ConfigurationService) -> None:
        id = (await service.create(FIRST)).id
        await service.archive(id, expected_version=1)
        with pytest.raises(Conflict):
            await service.revise(id, named("Second"))

    run(store, scenario)
