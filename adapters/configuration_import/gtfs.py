"""A depot from a GTFS feed with blocks: trips of one block_id in sequence are one vehicle's work.

Trips of frequencies.txt run once per headway, each as a block of its own. Distances are those of the shapes, or of the
straight lines between stops; on top comes the way from the end of a trip to the beginning of the block's next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from depot_sim.adapters.configuration_import.blocks import Block, ChainRules, chain, duties
from depot_sim.adapters.configuration_import.gtfs_feed import (
    Feed,
    Point,
    length_m,
    points,
    read_feed,
    seconds,
    service_days,
)
from depot_sim.adapters.configuration_import.limits import LIMITS, ImportLimits, check
from depot_sim.adapters.configuration_import.loading import define
from depot_sim.adapters.configuration_import.site import SitePlan, numbered, site
from depot_sim.adapters.configuration_import.tables import Row
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.problems import Faults, quoted
from depot_sim.domain.kernel.quantities import MJ_PER_WH, Consumption, Energy

_KIND = "bus"
_LONGEST_ID = 64


class GtfsImport(NamedTuple):
    """What to make of a feed. `routes` keeps only these route ids; `week` is a Monday, by default the feed's first.

    `block_per_trip` gives a trip without block_id a block of its own; otherwise it is a fault.
    """

    name: str
    routes: tuple[str, ...] = ()
    week: date | None = None
    block_per_trip: bool = False
    battery: Energy = Energy.parse("400 kWh")
    consumption: Consumption = Consumption.parse("1.2 kWh/km")
    layover_min: int = 30
    site: SitePlan = SitePlan()
    attribution: str = ""


class _Path(NamedTuple):
    """Where a trip runs; its length in metres is added up once for all trips of a shape and all their runs."""

    first: Point
    last: Point
    length: float


class _Trip(NamedTuple):
    """One run of a trip; times in seconds since the service day's start. No path: no stop of it is known."""

    row: Row
    block: str
    begins: int
    ends: int
    path: _Path | None


def import_gtfs(source: Path, plan: GtfsImport, limits: ImportLimits = LIMITS) -> Definition:
    """Raises InvalidInput with every row that cannot be used, and for a feed that passes a limit."""
    feed, faults = read_feed(source, limits), Faults()
    days = service_days(feed, plan.week, faults)
    trips = _within(limits.trips, _trips(feed, plan, faults))
    blocks = list(_blocks(trips, days, plan, faults))
    faults.raise_if_any()
    if not blocks:
        raise InvalidInput([Fault("/trips", "no trip that runs in the week", "routes and a week with service")])
    return define(_document(chain(blocks, ChainRules({_KIND: plan.battery}, plan.layover_min), limits), plan))


def _within(most: int, trips: Iterator[_Trip]) -> list[_Trip]:
    """The trips, made one by one: a row of frequencies.txt can ask for 360,000 of them."""
    made: list[_Trip] = []
    for trip in trips:
        made.append(trip)
        check(trip.row.pointer, len(made), most, "runs of trips", "import fewer routes, or longer headways")
    return made


def _trips(feed: Feed, plan: GtfsImport, faults: Faults) -> Iterator[_Trip]:
    stops = {row["stop_id"]: point for row, point in points(feed["stops"], "stop_id", "stop", faults)}
    shapes = _shapes(feed, faults)
    calls = _by_trip(feed["stop_times"])
    frequencies = _by_trip(feed["frequencies"])
    known: set[str] = set()
    for row in feed["trips"]:
        if plan.routes and row["route_id"] not in plan.routes:
            continue
        if row["trip_id"] in known:
            faults.append(row.fault("trip_id", "a trip_id that no other row has"))
            continue
        known.add(row["trip_id"])
        trip = _trip(row, _in_order(calls.get(row["trip_id"], []), "stop_sequence", faults), stops, plan, faults)
        if trip is None:
            continue
        trip = trip._replace(path=shapes.get(row["shape_id"], trip.path))
        repeated = frequencies.get(row["trip_id"])
        yield from _repetitions(trip, repeated, faults) if repeated else [trip]


def _trip(row: Row, calls: Sequence[Row], stops: dict[str, Point], plan: GtfsImport, faults: Faults) -> _Trip | None:
    block = row["block_id"] or (row["trip_id"] if plan.block_per_trip else "")
    if not block:
        faults.append(row.fault("block_id", "a block_id (or the import with a block per trip)"))
    if len(calls) < 2:
        faults.append(Fault(row.pointer, f"{len(calls)} stop times", "at least two stop times", row.line))
        return None
    begins, ends = seconds(calls[0], "departure_time", faults), seconds(calls[-1], "arrival_time", faults)
    for call in calls:
        if call["stop_id"] not in stops:
            faults.append(call.fault("stop_id", "a stop with coordinates in stops.txt"))
    if begins is None or ends is None or not block:
        return None
    if ends <= begins:
        faults.append(calls[-1].fault("arrival_time", f"a time after the trip's begin, {calls[0]['departure_time']}"))
        return None
    return _Trip(
        row, block, begins, ends, _path([stops[call["stop_id"]] for call in calls if call["stop_id"] in stops])
    )


def _repetitions(trip: _Trip, frequencies: Sequence[Row], faults: Faults) -> Iterator[_Trip]:
    for row in frequencies:
        first, end = seconds(row, "start_time", faults), seconds(row, "end_time", faults)
        headway = row.integer("headway_secs", faults)
        if headway is not None and headway <= 0:
            faults.append(row.fault("headway_secs", "more than zero"))
        elif first is not None and end is not None and headway is not None:
            for begins in range(first, end, headway):
                stamp = f"{begins // 3600:02d}{begins // 60 % 60:02d}{begins % 60:02d}"
                ends = begins + trip.ends - trip.begins
                yield trip._replace(block=f"{trip.block}-{stamp}", begins=begins, ends=ends)


def _blocks(
    trips: Sequence[_Trip], days: dict[str, tuple[int, ...]], plan: GtfsImport, faults: Faults
) -> Iterator[Block]:
    """One block per service and block_id, of services that run in the week."""
    grouped: dict[tuple[str, str], list[_Trip]] = {}
    for trip in trips:
        grouped.setdefault((trip.row["service_id"], trip.block), []).append(trip)
    for (service, block), members in sorted(grouped.items()):
        if service in days:
            ordered = sorted(members, key=lambda trip: (trip.begins, trip.ends))
            _check_sequence(ordered, faults)
            yield _block(f"{block}-{service}", days[service], ordered, plan)


def _check_sequence(trips: Sequence[_Trip], faults: Faults) -> None:
    for before, trip in pairwise(trips):
        if trip.begins < before.ends:
            found = f"trip {quoted(trip.row['trip_id'])}, which begins before {quoted(before.row['trip_id'])} ends"
            faults.add(trip.row.pointer, found, "trips of a block one after another")


def _block(id: str, days: tuple[int, ...], trips: Sequence[_Trip], plan: GtfsImport) -> Block:
    length = _metres([trip.path for trip in trips if trip.path is not None])
    watt_hours = length * (plan.consumption // MJ_PER_WH) // 1_000
    departs, returns = trips[0].begins // 60, -(-trips[-1].ends // 60)
    return Block(
        id=_block_id(id),
        kind=_KIND,
        days=days,
        departs=departs,
        returns=returns,
        distance_m=length,
        energy_wh=watt_hours,
        energy_known=False,
    )


def _metres(paths: Sequence[_Path]) -> int:
    """The paths and the ways between them, rounded once, so that no Python differs from another."""
    return round(sum(path.length for path in paths) + sum(length_m((a.last, b.first)) for a, b in pairwise(paths)))


def _path(points: Sequence[Point]) -> _Path | None:
    return _Path(points[0], points[-1], length_m(points)) if points else None


def _block_id(id: str) -> str:
    sound = "".join(char if char.isascii() and (char.isalnum() or char in "._:-") else "-" for char in id)
    return (sound if sound[:1].isalnum() else f"b{sound}")[:_LONGEST_ID]


def _document(buses: Sequence[Any], plan: GtfsImport) -> dict[str, Any]:
    vehicles = [
        {"id": numbered("bus", index, len(buses)), "type": _KIND, "duties": duties(bus)}
        for index, bus in enumerate(buses)
    ]
    vehicle_type = {
        "id": _KIND,
        "battery": f"{plan.battery // MJ_PER_WH} Wh",
        "consumption": f"{plan.consumption // MJ_PER_WH} Wh/km",
    }
    attribution = {"attribution": plan.attribution} if plan.attribution else {}
    return {"name": plan.name, **attribution, "vehicle_types": [vehicle_type], **site(vehicles, plan.site)}


def _shapes(feed: Feed, faults: Faults) -> dict[str, _Path | None]:
    found: dict[str, list[tuple[int, Point]]] = {}
    for row, point in points(feed["shapes"], "shape_id", "shape_pt", faults):
        place = row.integer("shape_pt_sequence", faults)
        if place is not None:
            found.setdefault(row["shape_id"], []).append((place, point))
    return {shape: _path([point for _, point in sorted(placed)]) for shape, placed in found.items()}


def _by_trip(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["trip_id"], []).append(row)
    return found


def _in_order(rows: Sequence[Row], column: str, faults: Faults) -> list[Row]:
    placed = [(row.integer(column, faults), row) for row in rows]
    return [
        row for place, row in sorted(((place, row) for place, row in placed if place is not None), key=lambda p: p[0])
    ]
