"""bba-all-fields in one line, what is on the wire at each step, and what the platform makes of it."""

from __future__ import annotations

import csv
import json
from typing import Any

import pytest

from tests.adapters.cli.command_line import depot_sim
from tests.e2e.conftest import Processes
from tests.e2e.oscp_stage import url_of
from tests.e2e.packet_stage import (
    BATTERY,
    CONTROLLER,
    ROOF,
    UNITS,
    Scene,
    values_of,
)
from tests.e2e.processes import ROOT

NAME = "bba-all-fields"
TABLE = ROOT / "adapters" / "packets" / "profiles" / "default-1" / "measurands.csv"


@pytest.fixture(scope="module")
def scene(processes: Processes) -> Scene:
    """Played to its end as somebody would who reads the documentation."""
    sim, platform = processes
    platform.delete("/control/packets").raise_for_status()
    line = ("scenario", "start", NAME, "--packets-endpoint", f"{url_of(platform)}/packets", "--keep", "--json")
    played = depot_sim(*line, "--url", url_of(sim))
    assert played.code == 0, played.err
    assert (played.json["status"], played.json["reasons"]) == ("passed", [])
    opened = Scene(sim, platform, played.json["run_id"])
    opened.settle()
    return opened


# On the wire

CAPACITY = [
    *((0, 1180.6), (16, 1180.5), (30, 880.5), (46, 880.4), (60, 1480.4), (75, 1180.4), (76, 1180.3), (106, 1180.2)),
    *((136, 1180.1), (166, 1180), (180, 830), (196, 829.9), (210, 1029.9), (226, 1029.8), (240, 1179.8), (256, 1179.7)),
    *((285, 929.7), (286, 929.6), (316, 929.5), (330, 1179.5), (346, 1179.4), (376, 1179.3), (406, 1179.2)),
    *((436, 1179.1), (466, 1179), (496, 1178.9), (526, 1178.8), (540, 698.8), (556, 698.7)),
    *((585, 1178.7), (586, 1178.6), (616, 1178.5)),
]
"""600 kW of limit - 45 kW of other load + 376 kW of falling sun + 250 kW of battery. The limit is 300 from 30 s, 900
from 60 s, and 120 in fail-safe from 540 s; the battery charges by 100 from 180 s, gives 100 from 210 s, and is away
from 285 to 330 s."""
OF_CONTROLLER = {
    "AVAILABLE_CHARGING_CAPACITY": CAPACITY,
    "FAIL_SAFE_CAPACITY": [(0, 150), (90, 120), (600, 150)],
    "HEARTBEAT_STATUS": [(0, "OK"), (376, "LATE"), (390, "OK"), (436, "LATE"), (510, "LOST"), (585, "OK")],
    "LIMIT_DER_EXPORT": [(0, 100), (120, 50), (600, 100)],
}
DISPATCH = [(0, "NONE"), (165, "SCHEDULED"), (180, "ACTIVE"), (240, "COMPLETED"), (255, "REJECTED"), (270, "NONE")]
MODES = [
    *((0, "STANDBY"), (1, "AUTO_CHARGE"), (180, "DISPATCH_CHARGE"), (211, "DISPATCH_HOLD")),
    *((212, "DISPATCH_DISCHARGE"), (240, "AUTO_DISCHARGE"), (241, "STANDBY"), (242, "AUTO_CHARGE")),
    *((285, "SHUTTING_DOWN"), (300, "OFF"), (315, "STARTING"), (330, "STANDBY"), (331, "AUTO_CHARGE")),
    *((510, "COMMS_LOST"), (540, "FAIL_SAFE"), (585, "AUTO_CHARGE")),
]
OF_BATTERY = {
    "HEARTBEAT_STATUS": OF_CONTROLLER["HEARTBEAT_STATUS"],
    "DISPATCH_STATE": DISPATCH,
    "DEVICE_POWER_STATE": [(0, "ON"), (285, "SHUTTING_DOWN"), (300, "OFF"), (315, "STARTING"), (330, "ON")],
    "BESS_OPERATIONAL_MODE": MODES,
}
OF_CONTROLLER |= {"DISPATCH_STATE": DISPATCH, "BESS_OPERATIONAL_MODE": MODES}
STEPS = [(CONTROLLER, key) for key in OF_CONTROLLER] + [(BATTERY, key) for key in OF_BATTERY]


@pytest.mark.parametrize(("device", "key"), STEPS)
def test_a_measurand_follows_the_steps_of_the_scenario(scene: Scene, device: str, key: str) -> None:
    expected = (OF_CONTROLLER if device == CONTROLLER else OF_BATTERY)[key]
    assert values_of(scene.arrived(device), key) == expected


def test_the_state_of_charge_is_what_the_scenario_sets_and_the_battery_charges(scene: Scene) -> None:
    told = dict(values_of(scene.arrived(BATTERY), "SOC"))
    assert (told[28], told[148], told[178]) == (50.2, 51.8, 72.9)
    assert [at % 30 for at in told] == [28] * len(told)


def test_the_eight_keys_are_on_the_wire_to_the_letter_each_in_its_unit(scene: Scene) -> None:
    found: dict[str, set[str | None]] = {}
    for packet in scene.arrived():
        for one in json.loads(packet.entry["body"])["measurements"]:
            found.setdefault(one["key"], set()).add(one.get("unit"))
    assert {key: found[key] for key in UNITS} == {key: {unit} for key, unit in UNITS.items()}
    lines = [line for line in TABLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    contract = {row["key"]: row["unit_ucum"] or None for row in csv.DictReader(lines)}
    assert {key: units for key, units in found.items() if units != {contract.get(key)}} == {}
    assert scene.findings() == {}


def test_capacity_and_heartbeat_status_always_come_together(scene: Scene) -> None:
    told = [packet for packet in scene.arrived(CONTROLLER) if "AVAILABLE_CHARGING_CAPACITY" in packet.values]
    assert len(told) > len(CAPACITY)
    assert [packet for packet in told if "HEARTBEAT_STATUS" not in packet.values] == []


# At the platform


def test_the_platforms_capacity_follows(scene: Scene) -> None:
    (circuit,) = [one for one in scene.microgrid()["circuits"] if one["circuit"] == "site"]
    assert circuit["device"] == CONTROLLER
    capacities = [change["kw"] for change in circuit["changes"]]
    before, after = ([kw for at, kw in CAPACITY if at in when] for when in (range(510), range(585, 630)))
    assert capacities == [*before, 120, 698.7, *after]
    assert scene.standings() == [(0, "AVAILABLE"), (510, "FAIL_SAFE"), (585, "AVAILABLE")]


def test_the_platforms_peak_shaving_and_power_source_follow(scene: Scene) -> None:
    shaving = [(0, "OFF"), (212, "ON"), (241, "OFF")]
    assert scene.capability("PEAK_SHAVING", CONTROLLER) == scene.capability("PEAK_SHAVING", BATTERY) == shaving
    sources = {one["id"]: one["values"] for one in scene.microgrid()["power_sources"]}
    battery = {key: latest["value"] for key, latest in sources[BATTERY].items()}
    mode = {"DEVICE_POWER_STATE": "ON", "BESS_OPERATIONAL_MODE": "AUTO_CHARGE"}
    assert battery == mode | {"ACTIVE_POWER": 250, "SOC": 76.9}
    assert sources[ROOF]["ACTIVE_POWER"]["value"] < -370


def test_the_platforms_der_follows_the_export_limit(scene: Scene) -> None:
    told = [one for one in scene.microgrid()["capability_history"] if one["capability"] == "DER"]
    assert {one["status"] for one in told} == {"ON"}
    assert {one["value"] for one in told if one["device"] == CONTROLLER} == {100, 50}


# In the history


def test_dispatch_state_is_in_the_history_by_http_and_by_command_line(scene: Scene) -> None:
    wanted = {"key": "DISPATCH_STATE", "device": CONTROLLER}
    read = [one for one in scene.readings(**wanted) if one["type"] != "BIRTH"]
    words = [one["value"] for one in read]
    assert [word for place, word in enumerate(words) if words[place - 1 : place] != [word]] == [
        one for _, one in DISPATCH
    ]

    line = ("packets", "readings", "--run", scene.run_id, "--device", CONTROLLER, "--key", "DISPATCH_STATE", "--json")
    told = depot_sim(*line, "--url", url_of(scene.sim))
    assert told.code == 0, told.err
    lines: list[Any] = [json.loads(one) for one in told.out.splitlines()]
    assert [(one["at"], one["value"]) for one in lines if one["type"] != "BIRTH"] == [
        (one["at"], one["value"]) for one in read
    ]


def test_a_packet_of_the_history_has_the_bytes_that_arrived_and_what_was_answered(scene: Scene) -> None:
    active = next(one for one in scene.readings(key="DISPATCH_STATE") if one["value"] == "ACTIVE")
    kept = scene.sim.get(f"{scene.path}/packets/{active['packet_id']}").json()
    came = {json.loads(one.entry["body"])["packetId"]: one.entry["body"] for one in scene.arrived(active["device"])}
    assert kept["body"] == came[active["packet_id"]]
    (attempt,) = kept["delivery_attempts"]
    assert (attempt["outcome"], attempt["status"]) == ("delivered", 202)
    assert attempt["latency_us"] > 0
    assert "applied" in attempt["answer"]
