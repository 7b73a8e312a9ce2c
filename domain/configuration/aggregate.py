"""SimulationConfiguration: a depot definition and its versions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import msgspec

from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.configuration.events import ConfigurationArchived, ConfigurationCreated, ConfigurationRevised
from depot_sim.domain.kernel.aggregate import Aggregate
from depot_sim.domain.kernel.errors import Conflict, PreconditionFailed
from depot_sim.domain.kernel.events import Event


class ConfigurationState:
    """The newest document whole, of older versions only their hashes: `hashes[0]` is version 1's."""

    __slots__ = ("archived", "document_json", "hashes")

    def __init__(self) -> None:
        self.hashes: list[str] = []
        self.document_json = b""
        self.archived = False


def _keep(state: ConfigurationState, event: ConfigurationCreated | ConfigurationRevised) -> None:
    state.hashes.append(event.sha256)
    state.document_json = bytes(event.document)


def _archive(state: ConfigurationState, _: ConfigurationArchived) -> None:
    state.archived = True


class SimulationConfiguration(Aggregate[ConfigurationState]):
    """Versions are whole documents, counted from 1; only sound ones get in, because a Definition holds no other."""

    handlers: ClassVar[Mapping[type[Event], Callable[[Any, Any], None]]] = {
        ConfigurationCreated: _keep,
        ConfigurationRevised: _keep,
        ConfigurationArchived: _archive,
    }
    __slots__ = ("id",)

    def __init__(self, configuration_id: str) -> None:
        super().__init__(stream_of(configuration_id), ConfigurationState())
        self.id = configuration_id

    @property
    def newest(self) -> int:
        """The newest version, 0 before creation."""
        return len(self.state.hashes)

    def create(self, definition: Definition) -> None:
        if self.newest:
            raise Conflict(f"configuration {self.id} exists already", "revise it, or create one with another id")
        name, document = definition.document.name, msgspec.Raw(definition.document_json)
        self.emit(ConfigurationCreated(name, definition.sha256, document))

    def revise(self, definition: Definition, expected_version: int | None = None) -> None:
        """Make `definition` the newest version; one equal to the newest changes nothing.

        Raises PreconditionFailed when the newest version is not `expected_version`, Conflict when archived.
        """
        self._check_expected(expected_version)
        self._check_active()
        if definition.sha256 != self.state.hashes[-1]:
            name, document = definition.document.name, msgspec.Raw(definition.document_json)
            self.emit(ConfigurationRevised(self.newest + 1, name, definition.sha256, document))

    def archive(self, expected_version: int | None = None) -> None:
        """Raises as `revise`."""
        self._check_expected(expected_version)
        self._check_active()
        self.emit(ConfigurationArchived())

    def _check_expected(self, expected_version: int | None) -> None:
        if expected_version is not None and expected_version != self.newest:
            raise PreconditionFailed(
                f"configuration {self.id} is at version {self.newest}, not {expected_version}",
                "read the newest version, apply the change to it, and send it with that version",
            )

    def _check_active(self) -> None:
        if self.state.archived:
            raise Conflict(f"configuration {self.id} is archived", "create a new configuration from its document")


def stream_of(configuration_id: str) -> str:
    return f"configuration-{configuration_id}"
