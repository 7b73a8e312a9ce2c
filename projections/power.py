"""Projector of `power`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Any

import msgspec

from depot_sim.application.event_log import Filter, Row
from depot_sim.domain.configuration.document import Charger
from depot_sim.domain.kernel.events import Event, decode
from depot_sim.domain.run import events as e
from depot_sim.projections.projector import Change, each, topics_of
from depot_sim.read_models import power
from depot_sim.read_models.database import Database
from depot_sim.read_models.power_history import EntityKind
from depot_sim.read_models.schema import Table

_FIND_RUN = "SELECT run_id, run, tick_ms, at FROM power_runs WHERE run_id = ?"
_FIND_PLACE = "SELECT place FROM power_entities WHERE run = ? AND kind = ? AND id = ?"


class _Item(msgspec.Struct):
    id: str


class _Charger(_Item):
    connectors: tuple[_Item, ...] = tuple(_Item(connector.id) for connector in Charger(id="", node="").connectors)


class _Scope(_Item):
    node: str


class _Topology(msgspec.Struct):
    nodes: tuple[_Item, ...]


class _Document(msgspec.Struct):
    """What a power history needs of the depot: names and places. To read it all takes a hundred times longer."""

    topology: _Topology
    chargers: tuple[_Charger, ...] = ()
    managed_scopes: tuple[_Scope, ...] = ()


_decode_names = msgspec.json.Decoder(_Document).decode


class PowerProjector:
    model = power.MODEL

    @property
    def where(self) -> Filter:
        return Filter(topics=topics_of(*_HANDLERS))

    def project(self, page: Sequence[Row], before: Database) -> Iterable[Change]:
        fold = _Fold(before)
        each(page, fold.take)
        return fold.changes()


class _Run:
    """`ticked_at` is where the newest tick ended, so where the present one begins."""

    __slots__ = ("number", "run_id", "tick_ms", "ticked_at")

    def __init__(self, run_id: str, number: int, tick_ms: int, ticked_at: int) -> None:
        self.run_id = run_id
        self.number = number
        self.tick_ms = tick_ms
        self.ticked_at = ticked_at


class _Fold:
    def __init__(self, before: Database) -> None:
        self._before = before
        self._runs: dict[str, _Run] = {}
        self._places: dict[tuple[int, str], int] = {}
        self._entities: list[Sequence[object]] = []
        self._connectors: list[Sequence[object]] = []
        self._nodes: list[Sequence[object]] = []

    def take(self, row: Row) -> None:
        event = decode(row.topic, row.state)
        handler = _HANDLERS.get(type(event))
        if handler is not None:
            handler(self, row, event)

    def changes(self) -> list[Change]:
        runs = [(run.run_id, run.number, run.tick_ms, run.ticked_at) for run in self._runs.values()]
        return [
            Change(power.RUNS, runs, replace=True),
            Change(power.ENTITIES, self._entities),
            Change(power.CONNECTORS, self._connectors),
            Change(power.NODES, self._nodes),
        ]

    def started(self, row: Row, event: e.SimulationRunStarted) -> None:
        number = row.position
        self._runs[row.stream] = _Run(event.run_id, number, event.tick_ms, event.at)
        for kind, id, registers, place in _entities(_decode_names(event.document)):
            self._entities.append((number, kind.value, id, registers.name, place))
            if kind is EntityKind.CONNECTOR:
                self._places[number, id] = place

    def ticked(self, row: Row, event: e.RunTicked) -> None:
        run = self._run(row.stream)
        at = event.at
        number, position, tick = repeat(run.number), repeat(row.position), repeat(at - run.ticked_at)
        run.ticked_at = at
        if event.connectors is not None:
            columns = event.connectors
            self._connectors += zip(
                number, columns.index, repeat(at), position, tick, columns.power_w, columns.energy_mj
            )
        if event.nodes is not None:
            nodes = event.nodes
            self._nodes += zip(
                number, nodes.index, repeat(at), position, tick, nodes.load_w, nodes.energy_mj, nodes.exported_mj
            )

    def stopped(self, row: Row, event: e.ChargingStopped) -> None:
        """The connector's register at that moment inside its tick; its nodes are told by the tick."""
        run = self._run(row.stream)
        place = self._place(run, event.connector)
        bend_ms = event.at - run.ticked_at
        self._connectors.append((run.number, place, event.at, row.position, bend_ms, 0, event.energy_mj))

    def _run(self, stream: str) -> _Run:
        run = self._runs.get(stream)
        if run is None:
            found = self._before.query(_FIND_RUN, (stream.removeprefix("run-"),))
            if not found:
                raise LookupError(f"{stream} does not begin with {e.SimulationRunStarted.TOPIC}")
            run = self._runs[stream] = _Run(*found[0])
        return run

    def _place(self, run: _Run, connector: str) -> int:
        key = run.number, connector
        if key not in self._places:
            ((self._places[key],),) = self._before.query(
                _FIND_PLACE, (run.number, EntityKind.CONNECTOR.value, connector)
            )
        return self._places[key]


def _entities(document: _Document) -> Iterable[tuple[EntityKind, str, Table, int]]:
    """Every name a power history can be asked by, with the registers it adds up."""
    node_places = {node.id: place for place, node in enumerate(document.topology.nodes)}
    for id, place in node_places.items():
        yield EntityKind.NODE, id, power.NODES, place
    for scope in document.managed_scopes:
        yield EntityKind.SCOPE, scope.id, power.NODES, node_places[scope.node]
    connectors = ((charger.id, connector.id) for charger in document.chargers for connector in charger.connectors)
    for place, (charger, connector) in enumerate(connectors):
        yield EntityKind.CONNECTOR, f"{charger}/{connector}", power.CONNECTORS, place
        yield EntityKind.CHARGER, charger, power.CONNECTORS, place


_HANDLERS: Mapping[type[Event], Callable[[_Fold, Row, Any], None]] = {
    e.SimulationRunStarted: _Fold.started,
    e.RunTicked: _Fold.ticked,
    e.ChargingStopped: _Fold.stopped,
}
