"""Create, revise, archive and read configurations. What a run is pinned to is a version, never a configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from depot_sim.application.event_log import Row
from depot_sim.application.ids import IdSource
from depot_sim.application.repository import Origin, Repository
from depot_sim.domain.configuration.aggregate import SimulationConfiguration, stream_of
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.configuration.events import ConfigurationCreated, ConfigurationRevised
from depot_sim.domain.kernel.errors import NotFound, VersionConflict

_ATTEMPTS = 5


class VersionSummary(NamedTuple):
    """`recorded_at` is wall time in µs since 1970."""

    version: int
    name: str
    sha256: str
    recorded_at: int


class ConfigurationVersion(NamedTuple):
    """One version whole. `newest` is the configuration's newest version at the time of reading."""

    id: str
    version: int
    newest: int
    archived: bool
    definition: Definition

    @property
    def sha256(self) -> str:
        return self.definition.sha256


class ConfigurationService:
    """Every method raises NotFound for an unknown id, and StoreError when the log cannot be used."""

    def __init__(self, repository: Repository, ids: IdSource) -> None:
        self._repository = repository
        self._ids = ids

    async def create(self, definition: Definition, origin: Origin | None = None) -> ConfigurationVersion:
        configuration = SimulationConfiguration(self._ids.new_id())
        configuration.create(definition)
        await self._repository.save(configuration, origin=origin)
        return _newest(configuration, definition)

    async def revise(
        self, id: str, definition: Definition, expected_version: int | None = None, origin: Origin | None = None
    ) -> ConfigurationVersion:
        """Save a new version; one equal to the newest is not saved twice.

        Raises PreconditionFailed when the newest version is not `expected_version`, Conflict when archived.
        """

        def decide(configuration: SimulationConfiguration) -> None:
            configuration.revise(definition, expected_version)

        return _newest(await self._change(id, decide, origin), definition)

    async def archive(self, id: str, expected_version: int | None = None, origin: Origin | None = None) -> None:
        """Allow no further versions. Raises as `revise`."""
        await self._change(id, lambda configuration: configuration.archive(expected_version), origin)

    async def get(self, id: str, version: int | None = None) -> ConfigurationVersion:
        """One version, by default the newest. Raises NotFound for a version that does not exist."""
        configuration = await self._load(id)
        if version is None or version == configuration.newest:
            return _newest(configuration, Definition.recorded(configuration.state.document_json))
        for row in await self._repository.rows(configuration.stream):
            event = row.decoded().event
            if isinstance(event, ConfigurationCreated | ConfigurationRevised) and _version_of(event) == version:
                definition = Definition.recorded(bytes(event.document))
                return ConfigurationVersion(id, version, configuration.newest, configuration.state.archived, definition)
        raise NotFound(f"configuration {id} has no version {version}", f"ask for one from 1 to {configuration.newest}")

    async def versions(self, id: str) -> list[VersionSummary]:
        """All versions, oldest first."""
        rows = await self._repository.rows(stream_of(id))
        if not rows:
            raise _unknown(id)
        return [summary for row in rows if (summary := _summary(row)) is not None]

    async def _change(
        self, id: str, decide: Callable[[SimulationConfiguration], None], origin: Origin | None
    ) -> SimulationConfiguration:
        """Load, decide, save; decided anew when somebody else wrote in between, so that If-Match is checked again."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return await self._try_change(id, decide, origin)
            except VersionConflict:
                continue
        return await self._try_change(id, decide, origin)

    async def _try_change(
        self, id: str, decide: Callable[[SimulationConfiguration], None], origin: Origin | None
    ) -> SimulationConfiguration:
        configuration = await self._load(id)
        decide(configuration)
        if configuration.pending:
            await self._repository.save(configuration, origin=origin)
        return configuration

    async def _load(self, id: str) -> SimulationConfiguration:
        configuration = await self._repository.fold(SimulationConfiguration(id))
        if not configuration.version:
            raise _unknown(id)
        return configuration


def _newest(configuration: SimulationConfiguration, definition: Definition) -> ConfigurationVersion:
    version = configuration.newest
    return ConfigurationVersion(configuration.id, version, version, configuration.state.archived, definition)


def _version_of(event: ConfigurationCreated | ConfigurationRevised) -> int:
    return event.version if isinstance(event, ConfigurationRevised) else 1


def _summary(row: Row) -> VersionSummary | None:
    event = row.decoded().event
    if isinstance(event, ConfigurationCreated | ConfigurationRevised):
        return VersionSummary(_version_of(event), event.name, event.sha256, row.recorded_at)
    return None


def _unknown(id: str) -> NotFound:
    return NotFound(f"no configuration {id!r}", "list those there are with GET /simulation-configurations")
