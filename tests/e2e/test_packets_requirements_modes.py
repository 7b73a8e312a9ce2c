"""bba-mode-table against the stand-in: every row of the contract's table is seen on the wire, each from the world."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e.conftest import Processes
from tests.e2e.packet_stage import BATTERY, CONTROLLER, Scene, changes, microgrid, values_of

NAME = "bba-mode-table"
CONTRACT = Path(__file__).parents[1] / "adapters" / "scenario_library" / "bess_modes.v1.csv"
INPUTS = ("power_state", "heartbeat", "fail_safe", "control", "dispatch", "direction", "soc_band")
EVERY_S = 10
"""How often the world is looked at, in between two steps."""
_NOTE = re.compile(r"row ([0-9]+) ([A-Z_]+)")


def contract() -> list[dict[str, str]]:
    lines = CONTRACT.read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def row_of(inputs: dict[str, str]) -> dict[str, str]:
    """The first row of the contract that the inputs fit."""

    def fits(cell: str, value: str) -> bool:
        return cell == "*" or value in cell.split("|")

    return next(row for row in contract() if all(fits(row[name], inputs[name]) for name in INPUTS))


class Look(NamedTuple):
    """The world at one moment (s), in the words of the contract's table."""

    at: int
    inputs: dict[str, str]


class Played(NamedTuple):
    """What the world was like, and what came over the wire meanwhile."""

    scene: Scene
    execution: Any
    looks: list[Look]

    def on_wire(self, key: str, at: int) -> Any:
        """The battery's last word on the key at this moment, or its first one ever."""
        told = values_of(self.scene.arrived(BATTERY), key)
        return next((value for said, value in reversed(told) if said <= at), told[0][1])


def look(scene: Scene) -> Look:
    """Asked of the API: nothing here comes from packets, or from a mode."""
    world = scene.sim.get(f"{scene.run}/world").json()
    (battery,), (controller,) = world["bess"], world["controllers"]
    dispatch = battery["dispatch"]
    inputs = {
        "power_state": battery["power_state"],
        "heartbeat": controller["heartbeat"],
        "fail_safe": str(int(controller["fail_safe"])),
        "control": battery["control"],
        "dispatch": "NONE" if dispatch == "COMPLETED" else dispatch,
        "direction": direction(battery["power_w"]),
        "soc_band": band(battery["soc_ppm"]),
    }
    return Look(world["at"] // 1_000, inputs)


def direction(power_w: int) -> str:
    """Beyond 0.5 % of the rating."""
    rating = int(microgrid()["bess"][0]["rating"].removesuffix(" kW")) * 1_000
    if abs(power_w) * 200 <= rating:
        return "IDLE"
    return "CHARGING" if power_w > 0 else "DISCHARGING"


def band(soc_ppm: int) -> str:
    """Between 10 and 95 %, which are the defaults."""
    return "EMPTY" if soc_ppm <= 100_000 else "FULL" if soc_ppm >= 950_000 else "NORMAL"


SAID: dict[str, tuple[str, Callable[[Any], str]]] = {
    "power_state": ("DEVICE_POWER_STATE", str),
    "heartbeat": ("HEARTBEAT_STATUS", str),
    "dispatch": ("DISPATCH_STATE", str),
    "direction": ("ACTIVE_POWER", lambda kw: direction(kw * 1_000)),
    "soc_band": ("SOC", lambda percent: band(percent * 10_000)),
}
"""Inputs that packets tell of: the key, and the table's word for its value."""


@pytest.fixture(scope="module")
def played(processes: Processes) -> Played:
    """Looked at in the middle between any two of its steps."""
    scene = Scene.opened(*processes)
    begun = scene.plays(NAME)
    scene.move(EVERY_S // 2)
    looks = [look(scene)]
    for _ in range(begun["ends_at"] // 1_000 // EVERY_S - 1):
        scene.move(EVERY_S)
        looks.append(look(scene))
    scene.move(EVERY_S // 2)
    return Played(scene, scene.ended(begun["execution_id"]), looks)


def test_no_step_sets_a_mode_and_none_could(played: Played) -> None:
    """There is no such command: what a battery takes are its power state, control, dispatch and setpoint."""
    assert (played.execution["status"], played.execution["reasons"]) == ("passed", [])
    fields = {field for step in played.execution["steps"] for field in step["body"]}
    assert [field for field in fields if "mode" in field] == []
    run = played.scene.run
    refused = played.scene.sim.post(f"{run}/commands/set-bess", json={"bess": "battery", "operational_mode": "FAULT"})
    assert refused.status_code == 422
    assert played.scene.findings() == {}


@pytest.mark.parametrize("device", [BATTERY, CONTROLLER])
def test_at_every_moment_the_mode_on_the_wire_is_that_of_the_row_the_world_fits(played: Played, device: str) -> None:
    modes = values_of(played.scene.arrived(device), "BESS_OPERATIONAL_MODE")
    told = [[mode for at, mode in modes if at <= one.at][-1] for one in played.looks]
    assert told == [row_of(one.inputs)["mode"] for one in played.looks]


def test_all_rows_come_in_the_scenarios_order_and_all_modes_are_on_the_wire(played: Played) -> None:
    came = [row for _, row in changes((one.at, row_of(one.inputs)["rule"]) for one in played.looks)]
    promised = [found[1] for step in played.execution["steps"] if (found := _NOTE.match(step["note"]))]
    assert sorted(map(int, promised)) == list(range(1, 24))
    coming = iter(came)
    assert [rule for rule in promised if rule not in coming] == []
    on_wire = {mode for _, mode in values_of(played.scene.arrived(BATTERY), "BESS_OPERATIONAL_MODE")}
    assert on_wire == {row["mode"] for row in contract()}
    assert len(on_wire) == 21


@pytest.mark.parametrize("row", contract(), ids=lambda row: f"{row['rule']}-{row['mode']}")
def test_what_the_packets_say_of_a_rows_inputs_fits_the_row(played: Played, row: dict[str, str]) -> None:
    """Power and charge are told by their cadence only, which is shorter than the row lasts."""
    seen = [one for one in played.looks if row_of(one.inputs) == row]
    assert seen
    last = seen[-1]
    told = {name: say(played.on_wire(key, last.at)) for name, (key, say) in SAID.items()}
    assert row_of(last.inputs | told) == row
