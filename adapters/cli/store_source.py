"""Runs, worlds, events and configurations straight from a store, whether or not a server uses it at the same time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from depot_sim.adapters.cli.lines import ConfigurationLine, EventLine, RunLine
from depot_sim.application.event_log import EventLog, Filter, Row
from depot_sim.application.run.archive import RunArchive
from depot_sim.application.run.requests import parse_moment, time_at
from depot_sim.application.run.views import Viewer, WorldView
from depot_sim.domain.configuration.aggregate import SimulationConfiguration
from depot_sim.domain.configuration.aggregate import stream_of as configuration_stream
from depot_sim.domain.configuration.events import ConfigurationCreated, ConfigurationRevised
from depot_sim.domain.kernel.errors import Fault, InvalidInput, NotFound
from depot_sim.domain.kernel.events import topics
from depot_sim.domain.kernel.problems import one_of
from depot_sim.domain.kernel.recorded_secrets import shown_document, shown_event
from depot_sim.domain.run.aggregate import stream_of
from depot_sim.domain.run.events import (
    SimulationRunPaused,
    SimulationRunResumed,
    SimulationRunStarted,
    SimulationRunStopped,
)

_PAGE = 500
_WAIT_SECONDS = 1.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STATUS = {
    SimulationRunStarted.TOPIC: "RUNNING",
    SimulationRunPaused.TOPIC: "PAUSED",
    SimulationRunStopped.TOPIC: "STOPPED",
}


class _Named(msgspec.Struct):
    name: str = ""


class _Started(msgspec.Struct):
    """What a list needs of a run's first event."""

    run_id: str
    configuration_id: str
    configuration_version: int
    document: _Named
    seed: int
    start_time: str


class _At(msgspec.Struct):
    at: int = 0


class _Resumed(msgspec.Struct):
    reason: str


class StoreSource:
    """Reads the log itself, so that no read model needs to be there."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._archive = RunArchive(log)

    def runs(self, limit: int) -> list[RunLine]:
        where = Filter(stream_prefixes=(stream_of(""),), topics=(SimulationRunStarted.TOPIC,))
        return [self._run(row) for row in self._log.read_all(limit=limit, where=where, newest_first=True)]

    def world(self, run_id: str, at: str | None) -> WorldView:
        if at is None:
            return Viewer(self._archive.load(run_id).run).world()
        first = self._archive.load(run_id, upto_version=1).run
        moment = parse_moment(first.started.start_time, at, "/at")
        if moment < 0:
            raise InvalidInput([Fault("/at", repr(at), f"a time from {first.started.start_time} on")])
        return Viewer(self._archive.load(run_id, upto_version=self._archive.version_at(run_id, moment)).run).world()

    def events(self, run_id: str, *, after: int, types: Sequence[str], follow: bool) -> Iterator[EventLine]:
        known = topics()
        faults = [Fault("/type", repr(name), one_of(known)) for name in types if name not in known]
        if faults:
            raise InvalidInput(faults)
        if not self._log.stream_version(stream_of(run_id)):
            raise _unknown_run(run_id)
        return self._events(Filter(streams=(stream_of(run_id),), topics=tuple(types)), after, follow)

    def configuration(self, id: str, version: int | None) -> ConfigurationLine:
        rows = self._log.read_stream(configuration_stream(id))
        if not rows:
            raise NotFound(f"no configuration {id!r}", "runs name the configurations they are pinned to")
        events = [row.decoded().event for row in rows]
        configuration = SimulationConfiguration(id)
        configuration.fold(events)
        number = configuration.newest if version is None else version
        for event in events:
            if isinstance(event, ConfigurationCreated | ConfigurationRevised) and _version(event) == number:
                archived = configuration.state.archived
                newest = configuration.newest
                return ConfigurationLine(
                    id=id,
                    version=number,
                    newest=newest,
                    archived=archived,
                    name=event.name,
                    sha256=event.sha256,
                    document=_shown(event.document),
                )
        raise NotFound(f"configuration {id!r} has no version {number}", f"versions: 1 to {configuration.newest}")

    def _run(self, first: Row) -> RunLine:
        started = msgspec.json.decode(first.state, type=_Started)
        newest = self._log.read_stream(first.stream, newest_first=True, limit=1)[0]
        return RunLine(
            id=started.run_id,
            status=self._status(first.stream),
            configuration_id=started.configuration_id,
            configuration_version=started.configuration_version,
            name=started.document.name,
            seed=started.seed,
            time=time_at(started.start_time, msgspec.json.decode(newest.state, type=_At).at),
            started_at=_wall_time(first.recorded_at),
        )

    def _status(self, stream: str) -> str:
        life = (*_STATUS, SimulationRunResumed.TOPIC)
        newest_first = self._log.read_all(where=Filter(streams=(stream,), topics=life), newest_first=True)
        for row in newest_first:
            if row.topic in _STATUS:
                return _STATUS[row.topic]
            if msgspec.json.decode(row.state, type=_Resumed).reason == "OPERATOR":
                return "RUNNING"
        return "RUNNING"

    def _events(self, where: Filter, after: int, follow: bool) -> Iterator[EventLine]:
        while True:
            head = self._log.head()
            while after < head:
                rows = self._log.read_all(after, _PAGE, where, upto=head)
                yield from map(_event, rows)
                after = rows[-1].position if len(rows) == _PAGE else head
            if not follow:
                return
            while not self._log.wait_beyond(after, _WAIT_SECONDS):
                pass


def _event(row: Row) -> EventLine:
    return EventLine(
        row.position,
        row.version,
        row.topic,
        _wall_time(row.recorded_at),
        msgspec.Raw(shown_event(row.topic, row.state)),
    )


def _shown(document: msgspec.Raw) -> msgspec.Raw:
    return msgspec.Raw(shown_document(bytes(document)))


def _version(event: ConfigurationCreated | ConfigurationRevised) -> int:
    return event.version if isinstance(event, ConfigurationRevised) else 1


def _unknown_run(run_id: str) -> NotFound:
    return NotFound(f"no run {run_id!r}", "list the runs there are with depot-sim runs --db URL")


def _wall_time(us: int) -> str:
    """RFC 3339 from µs since 1970."""
    return (_EPOCH + timedelta(microseconds=us)).isoformat(timespec="microseconds").replace("+00:00", "Z")
