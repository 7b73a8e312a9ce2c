"""Write the generated examples anew: `python -m depot_sim.examples.make` from the project's root.

nyc-meredith.yaml comes from the New York block data beside it, leichhardt-like.yaml from the figures below.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from depot_sim.adapters.configuration_import.block_csv import BlockImport, import_blocks
from depot_sim.adapters.configuration_import.blocks import clock
from depot_sim.adapters.configuration_import.loading import define
from depot_sim.adapters.configuration_import.yaml_writer import to_yaml
from depot_sim.domain.configuration.definition import Definition

HERE = Path(__file__).parent
NYC_ATTRIBUTION = (
    "Weekday vehicle blocks of the New York City MTA as published in the MIT-licensed Python package bussim2, "
    "(c) 2023-present Gideon Weissman; see examples/data/LICENSE.bussim2-MIT.txt"
)


def nyc_meredith() -> Definition:
    """Meredith Avenue depot on Staten Island: 128 express blocks of a weekday on 64 coaches."""
    plan = BlockImport(
        name="New York, Meredith Avenue",
        depots=("MA",),
        description="A weekday of the express coaches of Meredith Avenue depot, Staten Island, as if all electric. "
        "Energies are the data's own for third-generation buses; 550 kWh batteries, one 150 kW charger per coach.",
        attribution=NYC_ATTRIBUTION,
    )
    return import_blocks((HERE / "data" / "mta_weekday_blocks_28_depots.csv").read_text(encoding="utf-8"), plan)


def leichhardt_like() -> Definition:
    """55 buses share 31 AC and 5 DC chargers behind a 1.5 MVA connection, helped by PV and a battery."""
    return define(
        {
            "name": "Leichhardt-like depot",
            "description": "Sized like a converted depot in Sydney, by public figures: 55 buses, 31 chargers of "
            "80 kW AC and 5 of 120 kW DC, 388 kWp of PV, a 1.25 MW / 2.5 MWh battery, a 1.5 MVA grid connection. The "
            "timetable is made up: 36 buses stay out all day, 19 come in between the peaks and charge then.",
            "topology": {"nodes": _leichhardt_nodes()},
            "managed_scopes": [
                {"id": "site", "node": "grid", "name": "Whole site"},
                {"id": "charging", "node": "charging", "name": "All chargers"},
            ],
            "vehicle_types": [{"id": "standard", "name": "12 m battery bus", "battery": "400 kWh"}],
            "vehicles": [*map(_all_day_bus, range(36)), *map(_peak_bus, range(19))],
            "chargers": [*map(_ac_charger, range(31)), *map(_dc_charger, range(5))],
            "sensors": [
                {"id": "grid-meter", "node": "grid"},
                {"id": "charging-meter", "node": "charging"},
                {"id": "battery-soc", "quantity": "SOC", "bess": "battery"},
                {"id": "pv-meter", "pv": "roof"},
            ],
            "bess": [{"id": "battery", "node": "grid", "capacity": "2.5 MWh", "rating": "1.25 MW"}],
            "pv": [{"id": "roof", "node": "grid", "peak": "388 kW"}],
            "microgrid_controllers": [{"id": "controller", "node": "grid"}],
        }
    )


def _leichhardt_nodes() -> list[dict[str, Any]]:
    return [
        {
            "id": "grid",
            "kind": "GRID_CONNECTION",
            "limit": "1500 kW",
            "fail_safe_limit": "600 kW",
            "export_limit": "300 kW",
            "other_load": [{"at": "00:00", "power": "30 kW"}, {"at": "06:00", "power": "60 kW"}],
        },
        {"id": "charging", "parent": "grid", "kind": "SWITCHBOARD"},
        {"id": "ac-a", "parent": "charging", "kind": "FEEDER", "limit": "1000 kW"},
        {"id": "ac-b", "parent": "charging", "kind": "FEEDER", "limit": "1000 kW"},
        {"id": "dc", "parent": "charging", "kind": "FEEDER", "limit": "600 kW"},
    ]


def _all_day_bus(index: int) -> dict[str, Any]:
    duty = {"id": "day", "departs": clock(4 * 60 + 40 + 3 * index), "returns": clock(17 * 60 + 30 + 2 * index)}
    return {
        "id": f"bus-{index + 1:02d}",
        "type": "standard",
        "duties": [{**duty, "distance": f"{200 + index % 5 * 10} km"}],
    }


def _peak_bus(index: int) -> dict[str, Any]:
    morning = {"id": "am", "departs": clock(6 * 60 + 30 + 2 * index), "returns": clock(9 * 60 + 15 + 2 * index)}
    evening = {"id": "pm", "departs": clock(14 * 60 + 40 + 2 * index), "returns": clock(18 * 60 + 50 + 2 * index)}
    return {
        "id": f"bus-{index + 37:02d}",
        "type": "standard",
        "duties": [{**morning, "distance": "55 km"}, {**evening, "distance": "75 km"}],
    }


def _ac_charger(index: int) -> dict[str, Any]:
    return {"id": f"ac-{index + 1:02d}", "node": "ac-a" if index < 16 else "ac-b", "kind": "AC", "rating": "80 kW"}


def _dc_charger(index: int) -> dict[str, Any]:
    return {"id": f"dc-{index + 1}", "node": "dc", "rating": "120 kW"}


GENERATED = {"nyc-meredith.yaml": nyc_meredith, "leichhardt-like.yaml": leichhardt_like}


def main() -> None:
    for name, make in GENERATED.items():
        text = f"# Made by `python -m depot_sim.examples.make`; do not edit.\n{to_yaml(make())}"
        (HERE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
