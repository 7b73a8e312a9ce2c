"""Who plays the names of a scenario: entities of the run's depot, found the same way every time.

A microgrid controller leads: the first one below which everything else is found, then the node it sits at, and what
is at or below that node, in the depot's own order. What the caller names is taken as named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from depot_sim.domain.configuration.document import Sensor
from depot_sim.domain.interaction.family import nearest_names
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.pointer import child
from depot_sim.domain.kernel.problems import quoted
from depot_sim.domain.run.world.depot import Depot
from depot_sim.domain.scenario.script import EntityKind, Script, is_reference
from depot_sim.domain.scenario.script_reading import entity_fields

Targets = Mapping[str, Sequence[str]]
"""Ids of the run's targets by their kind, such as "packet-feed", in their order."""


def cast(script: Script, depot: Depot, targets: Targets | None, given: Mapping[str, str]) -> dict[str, str]:
    """What every name stands for. Raises InvalidInput for what the depot has not, also in the steps themselves.

    Without targets, as on a run without a server, names of targets stand for nothing.
    """
    roll = _Roll(depot, targets or {})
    needs = {name: kind for name, kind in script.needs.items() if targets is not None or kind in tuple(EntityKind)}
    faults = [*_given_faults(script, roll, given), *_step_faults(script, roll)]
    if faults:
        raise InvalidInput(faults)
    attempts = [_fill(script, roll, node, given) for node in _stages(script, depot, given)]
    complete = next((names for names in attempts if len(names) == len(needs)), None)
    if complete is not None:
        return complete
    found = attempts[0] if attempts else {}
    raise InvalidInput([_missing(name, kind, roll) for name, kind in needs.items() if name not in found])


class _Roll:
    """Every entity of a depot by its kind, with the node it is at."""

    def __init__(self, depot: Depot, targets: Targets) -> None:
        self._depot = depot
        self._targets = targets
        self._entities: Mapping[str, Mapping[str, int]] = {
            EntityKind.NODE: depot.node_index,
            EntityKind.SCOPE: {scope.id: depot.node_index[scope.node] for scope in depot.scopes},
            EntityKind.CONTROLLER: {each.id: depot.node_index[each.node] for each in depot.controllers},
            EntityKind.BESS: {each.id: depot.node_index[each.node] for each in depot.bess},
            EntityKind.PV: {each.id: depot.node_index[each.node] for each in depot.pv},
            EntityKind.CHARGER: {each.id: depot.node_index[each.node] for each in depot.chargers},
            EntityKind.CONNECTOR: {each.id: each.nodes[-1] for each in depot.connectors},
            EntityKind.VEHICLE: {each.vehicle.id: self._home(each.connector) for each in depot.vehicles},
            EntityKind.SENSOR: {each.id: self._measured(each) for each in depot.sensors},
        }

    def ids(self, kind: str) -> Sequence[str]:
        return tuple(self._entities[kind]) if kind in self._entities else tuple(self._targets.get(kind, ()))

    def at_or_below(self, kind: str, stage: int) -> Iterator[str]:
        """Those at the node first, then those below it; scopes around it last."""
        if kind not in self._entities:
            yield from self.ids(kind)
            return
        entities = self._entities[kind].items()
        yield from (id for id, node in entities if node == stage)
        yield from (id for id, node in entities if node != stage and stage in self._depot.nodes[node].ancestors)
        if kind == EntityKind.SCOPE:
            above = self._depot.nodes[stage].ancestors
            yield from (id for id, node in entities if node != stage and node in above)

    def _home(self, connector: int | None) -> int:
        return self._depot.root if connector is None else self._depot.connectors[connector].nodes[-1]

    def _measured(self, sensor: Sensor) -> int:
        depot = self._depot
        if sensor.node is not None:
            return depot.node_index[sensor.node]
        for id, index, measured in (
            (sensor.charger, depot.charger_index, depot.chargers),
            (sensor.bess, depot.bess_index, depot.bess),
            (sensor.pv, depot.pv_index, depot.pv),
        ):
            if id is not None:
                return depot.node_index[measured[index[id]].node]
        return depot.root


def _stages(script: Script, depot: Depot, given: Mapping[str, str]) -> Iterator[int]:
    """Nodes to look around, the best first."""
    controllers = {each.id: depot.node_index[each.node] for each in depot.controllers}
    named = {kind: given[name] for name, kind in script.needs.items() if name in given}
    if EntityKind.CONTROLLER in named:
        yield controllers[named[EntityKind.CONTROLLER]]
    if EntityKind.NODE in named:
        yield depot.node_index[named[EntityKind.NODE]]
    yield from controllers.values()
    yield depot.root


def _fill(script: Script, roll: _Roll, stage: int, given: Mapping[str, str]) -> dict[str, str]:
    """As many names as can be filled around a node; several of one kind get one entity each."""
    taken = set(given.values())
    names: dict[str, str] = {}
    for name, kind in script.needs.items():
        free = given.get(name) or next((id for id in roll.at_or_below(kind, stage) if id not in taken), None)
        if free is not None:
            names[name] = free
            taken.add(free)
    return names


def _given_faults(script: Script, roll: _Roll, given: Mapping[str, str]) -> Iterator[Fault]:
    for name, id in given.items():
        kind = script.needs.get(name)
        if kind is None:
            expected = nearest_names(name, tuple(script.needs)) if script.needs else "none: this scenario needs nothing"
            yield Fault(child("/names", name), f"the unknown name {quoted(name)}", expected)
        elif id not in roll.ids(kind):
            yield Fault(child("/names", name), f"{quoted(id)}, which is no {kind} of the run", _those_of(roll, (kind,)))


def _step_faults(script: Script, roll: _Roll) -> Iterator[Fault]:
    """Ids written out in steps."""
    for place, step in enumerate(script.steps):
        for field, kinds in entity_fields(step):
            id = step.body[field]
            if not is_reference(id) and not any(id in roll.ids(kind) for kind in kinds):
                pointer = child(child(f"/steps/{place}", step.action), field)
                yield Fault(pointer, f"{quoted(id)}, which is no {' or '.join(kinds)}", _those_of(roll, kinds))


def _those_of(roll: _Roll, kinds: Sequence[str]) -> str:
    ids = [id for kind in kinds for id in roll.ids(kind)]
    return f"one of {', '.join(ids[:5])}{', …' if len(ids) > 5 else ''}" if ids else "another depot: it has none"


def _missing(name: str, kind: str, roll: _Roll) -> Fault:
    is_target = kind not in tuple(EntityKind)
    where = "on the run" if is_target else "in the run's depot"
    if not roll.ids(kind):
        expected = f"a {kind} that is there before the scenario starts" if is_target else f"a depot with a {kind}"
        return Fault(child("/needs", name), f"no {kind} {where}", expected)
    return Fault(child("/needs", name), f"no {kind} {where} that is free and near", f"one of your choice for {name}")
