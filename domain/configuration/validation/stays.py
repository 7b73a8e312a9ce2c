"""No two vehicles can be fixed to one connector while both are in the depot."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from depot_sim.domain.configuration.document import Duty, SimulationConfigurationDocument, Vehicle
from depot_sim.domain.configuration.validation.finding import Finding, finding
from depot_sim.domain.configuration.validation.fleet import WEEK, occupied
from depot_sim.domain.kernel.problems import quoted

Stay = tuple[int, int, int]


def check_stays(document: SimulationConfigurationDocument) -> Iterator[Finding]:
    """Vehicles with duties since the run's start are left out: their weeks differ. So are those with unsound duties."""
    stays: dict[str, list[Stay]] = {}
    for index, vehicle in enumerate(document.vehicles):
        if vehicle.connector is not None and all(map(_is_weekly, vehicle.duties)):
            stays.setdefault(vehicle.connector, []).extend((begin, end, index) for begin, end in _at_home(vehicle))
    for connector, on_it in stays.items():
        yield from _clashes(document, connector, sorted(on_it))


def _is_weekly(duty: Duty) -> bool:
    return not duty.departs.since_start and not duty.returns.since_start and duty.departs.ms < duty.returns.ms


def _at_home(vehicle: Vehicle) -> Iterator[tuple[int, int]]:
    """The vehicle's stays within one week, Monday midnight to Monday midnight."""
    away = [span for duty in vehicle.duties for span in occupied(duty)]
    home_from = 0
    for begin, end in sorted([*away, *((begin - WEEK, end - WEEK) for begin, end in away)]):
        if begin > home_from:
            yield home_from, begin
        home_from = max(home_from, end)
    if home_from < WEEK:
        yield home_from, WEEK


def _clashes(document: SimulationConfigurationDocument, connector: str, stays: list[Stay]) -> Iterator[Finding]:
    reported: set[int] = set()
    for (_, end, index), (next_begin, _, next_index) in pairwise(stays):
        later, earlier = max(index, next_index), min(index, next_index)
        if next_begin < end and later not in reported:
            reported.add(later)
            other = quoted(document.vehicles[earlier].id)
            expected = f"a connector that is free; vehicle {other} is on it at the same time"
            yield finding(f"/vehicles/{later}/connector", quoted(connector), expected)
