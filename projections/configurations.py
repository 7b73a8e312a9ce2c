"""Projector of `configurations`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from depot_sim.application.event_log import Filter, Row
from depot_sim.domain.configuration import events as e
from depot_sim.domain.kernel.events import Event, Recorded
from depot_sim.projections.projector import Change, each, topics_of
from depot_sim.read_models import configurations
from depot_sim.read_models.configurations import Configuration
from depot_sim.read_models.database import Database

_STREAM_PREFIX = "configuration-"


class ConfigurationsProjector:
    model = configurations.MODEL
    where = Filter(
        stream_prefixes=(_STREAM_PREFIX,),
        topics=topics_of(e.ConfigurationCreated, e.ConfigurationRevised, e.ConfigurationArchived),
    )

    def project(self, page: Sequence[Row], before: Database) -> Iterable[Change]:
        fold = _Fold(before)
        each(page, fold.take)
        return [
            Change(configurations.CONFIGURATIONS, fold.rows(), replace=True),
            Change(configurations.VERSIONS, fold.versions),
        ]


class _Fold:
    def __init__(self, before: Database) -> None:
        self.versions: list[Sequence[object]] = []
        self._before = before
        self._known: dict[str, Configuration] = {}

    def take(self, row: Row) -> None:
        recorded = row.decoded()
        handler = _HANDLERS.get(type(recorded.event))
        if handler is not None:
            handler(self, recorded, recorded.event)

    def rows(self) -> list[Sequence[object]]:
        return [
            (
                known.configuration_id,
                known.position,
                known.name,
                known.version,
                int(known.archived),
                known.created_at,
                known.updated_at,
            )
            for known in self._known.values()
        ]

    def created(self, recorded: Recorded, event: e.ConfigurationCreated) -> None:
        id, wall_time = _id(recorded), recorded.recorded_at
        self._known[id] = Configuration(
            configuration_id=id,
            position=recorded.position,
            name=event.name,
            version=1,
            archived=False,
            created_at=wall_time,
            updated_at=wall_time,
        )
        self.versions.append((id, 1, event.name, event.sha256, wall_time))

    def revised(self, recorded: Recorded, event: e.ConfigurationRevised) -> None:
        known = self._configuration(recorded)
        known.name, known.version = event.name, event.version
        self.versions.append((known.configuration_id, event.version, event.name, event.sha256, recorded.recorded_at))

    def archived(self, recorded: Recorded, _: e.ConfigurationArchived) -> None:
        self._configuration(recorded).archived = True

    def _configuration(self, recorded: Recorded) -> Configuration:
        id = _id(recorded)
        known = self._known.get(id) or configurations.get_configuration(self._before, id)
        if known is None:
            raise LookupError(f"{recorded.stream} does not begin with {e.ConfigurationCreated.TOPIC}")
        known.updated_at = recorded.recorded_at
        self._known[id] = known
        return known


def _id(recorded: Recorded) -> str:
    return recorded.stream.removeprefix(_STREAM_PREFIX)


_HANDLERS: Mapping[type[Event], Callable[[_Fold, Recorded, Any], None]] = {
    e.ConfigurationCreated: _Fold.created,
    e.ConfigurationRevised: _Fold.revised,
    e.ConfigurationArchived: _Fold.archived,
}
