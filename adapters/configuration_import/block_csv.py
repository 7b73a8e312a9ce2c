"""Bus depots from a table of vehicle blocks: one row per block with its depot, times, distance and energy.

The columns are those of the New York block data in examples/data: block, depot, bus_type, pull_out_min, pull_in_min
(minutes since midnight of the service day, below zero for the evening before), km, and columns of energy in kWh.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from depot_sim.adapters.configuration_import.blocks import MINUTES_PER_DAY, Block, Bus, ChainRules, chain, duties
from depot_sim.adapters.configuration_import.loading import define
from depot_sim.adapters.configuration_import.site import SitePlan, numbered, site
from depot_sim.adapters.configuration_import.tables import Row, TableReader
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.problems import Faults, one_of, quoted
from depot_sim.domain.kernel.quantities import Consumption, Energy

_COLUMNS = ("block", "depot", "bus_type", "pull_out_min", "pull_in_min", "km")
_DEPOTS_NAMED = 100  # in an error
_WORKDAYS = (0, 1, 2, 3, 4)


class BusModel(NamedTuple):
    name: str
    battery: Energy
    consumption: Consumption


BUS_MODELS = {
    "STD": BusModel("Standard bus, 12 m", Energy.parse("400 kWh"), Consumption.parse("1.2 kWh/km")),
    "ART": BusModel("Articulated bus, 18 m", Energy.parse("600 kWh"), Consumption.parse("1.8 kWh/km")),
    "EXP": BusModel("Express coach", Energy.parse("550 kWh"), Consumption.parse("1.4 kWh/km")),
}


class BlockImport(NamedTuple):
    """What to make of a block table. `depots` are codes of its depot column; `energy_column` is what a block takes."""

    name: str
    depots: tuple[str, ...]
    description: str = ""
    attribution: str = ""
    energy_column: str = "kwh_avg_gen3"
    models: dict[str, BusModel] = BUS_MODELS
    site: SitePlan = SitePlan()
    layover_min: int = 30
    days: tuple[int, ...] = _WORKDAYS


def import_blocks(text: str, plan: BlockImport) -> Definition:
    """Chain the depots' blocks onto buses and put a plain site around them. Raises InvalidInput with every bad row."""
    faults = Faults()
    rows = TableReader().read("blocks", text, (*_COLUMNS, plan.energy_column))
    _check_depots({row["depot"] for row in rows}, plan.depots)
    read = [_block(row, plan, faults) for row in rows if row["depot"] in plan.depots]
    faults.raise_if_any()
    rules = ChainRules({kind: model.battery for kind, model in plan.models.items()}, plan.layover_min)
    buses = chain([block for block in read if block is not None], rules)
    return define(_document(buses, plan))


def _check_depots(known: set[str], wanted: tuple[str, ...]) -> None:
    missing = [depot for depot in wanted if depot not in known]
    if missing or not wanted:
        found = f"the depot {quoted(missing[0])}" if missing else "no depot"
        raise InvalidInput([Fault("/depots", found, one_of(sorted(known)[:_DEPOTS_NAMED]))])


def _block(row: Row, plan: BlockImport, faults: Faults) -> Block | None:
    departs, returns = row.integer("pull_out_min", faults), row.integer("pull_in_min", faults)
    metres, watt_hours = row.thousandths("km", faults), row.thousandths(plan.energy_column, faults)
    if row["bus_type"] not in plan.models:
        faults.append(row.fault("bus_type", one_of(plan.models)))
        return None
    if departs is None or returns is None or metres is None or watt_hours is None:
        return None
    if not -MINUTES_PER_DAY <= departs < returns <= departs + 2 * MINUTES_PER_DAY:
        faults.append(row.fault("pull_in_min", f"a time after pull_out_min, {departs}, by at most two days"))
        return None
    if departs < 0:
        days = tuple(sorted((day - 1) % 7 for day in plan.days))
        departs, returns = departs + MINUTES_PER_DAY, returns + MINUTES_PER_DAY
    else:
        days = plan.days
    return Block(
        id=row["block"],
        kind=row["bus_type"],
        days=days,
        departs=departs,
        returns=returns,
        distance_m=metres,
        energy_wh=watt_hours,
    )


def _document(buses: list[Bus], plan: BlockImport) -> dict[str, Any]:
    kinds = sorted({bus.kind for bus in buses})
    vehicles = [
        {"id": numbered("bus", index, len(buses)), "type": bus.kind, "duties": duties(bus)}
        for index, bus in enumerate(buses)
    ]
    head = {"name": plan.name, "description": plan.description, "attribution": plan.attribution}
    types = {"vehicle_types": [_vehicle_type(kind, plan.models[kind]) for kind in kinds]}
    return {**{field: text for field, text in head.items() if text}, **types, **site(vehicles, plan.site)}


def _vehicle_type(kind: str, model: BusModel) -> dict[str, Any]:
    return {
        "id": kind,
        "name": model.name,
        "battery": f"{model.battery // Energy.UNITS['Wh'] / 1_000:g} kWh",
        "consumption": f"{model.consumption // Consumption.UNITS['Wh/km'] / 1_000:g} kWh/km",
    }
