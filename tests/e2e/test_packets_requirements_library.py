"""Every scenario of the library against the stand-in: it passes, nothing is odd, the capacity stands as it should."""

from __future__ import annotations

from typing import Any

import pytest

from depot_sim.adapters.configuration_import.formats import Format
from depot_sim.adapters.configuration_import.loading import parse
from depot_sim.adapters.scenario_library import ScenarioLibrary
from tests.e2e.conftest import Processes
from tests.e2e.packet_stage import (
    BATTERY,
    CONTROLLER,
    ROOF,
    Scene,
    microgrid,
    platforms_document,
    seconds,
    values_of,
)
from tests.full_set import only_full

NAMES = ScenarioLibrary(lambda text: parse(text, Format.YAML)[1]).names()
KNOWN = "AVAILABLE"
LOST = "FAIL_SAFE"
STANDINGS = {
    "bba-all-fields": [(0, KNOWN), (510, LOST), (585, KNOWN)],
    "bba-fail-safe-entry": [(0, KNOWN), (150, LOST), (360, KNOWN)],
    "bba-fail-safe-trap-1-leave-at-once": [(1, KNOWN), (150, LOST), (230, KNOWN)],
    "bba-fail-safe-trap-2-never-unlimited": [(10, KNOWN), (150, LOST), (10_800, KNOWN)],
    "bba-fail-safe-trap-4-on-time": [(1, KNOWN), (495, LOST), (640, KNOWN)],
    "bba-fail-safe-trap-5-only-heartbeats-count": [(1, KNOWN), (150, LOST), (300, KNOWN)],
    "bba-heartbeat-lost-and-back": [(1, KNOWN), (150, LOST), (210, KNOWN)],
    "bba-mode-table": [(0, KNOWN), (900, LOST), (1140, KNOWN)],
}
"""(s, standing) of the site's capacity at the platform. Where a scenario is not named, it is AVAILABLE all the time.

Lost is 120 s after the last heartbeat, to the second; back is the moment of the first one.
"""
HELD = {name: [(lost + 30, back)] for name, ((_, _), (lost, _), (back, _)) in STANDINGS.items()}
"""(from, to), s: when the controller's mode is FAIL_SAFE, 30 s of grace later than lost."""
DRIVEN: dict[tuple[str, str, str], list[Any]] = {
    ("bba-soc-sweep", BATTERY, "SOC"): [*range(0, 100, 10), *range(100, -1, -10)],
    ("bba-export-limit", CONTROLLER, "LIMIT_DER_EXPORT"): [100, 25, 0, 100],
    ("bba-dispatch-states", BATTERY, "DISPATCH_STATE"): [
        *("NONE", "SCHEDULED", "ACTIVE", "COMPLETED", "SCHEDULED", "REJECTED", "NONE")
    ],
    ("bba-dispatch-states", BATTERY, "DISPATCH_SETPOINT"): [None, 0, 100, -100, 0, None, 0, None],
    ("bba-device-power-states", BATTERY, "DEVICE_POWER_STATE"): [
        *("ON", "SHUTTING_DOWN", "OFF", "STARTING", "ON", "FAULT", "UNKNOWN", "ON")
    ],
    ("bba-device-power-states", ROOF, "DEVICE_POWER_STATE"): [
        *("ON", "SHUTTING_DOWN", "OFF", "STARTING", "FAULT", "UNKNOWN", "ON")
    ],
    ("bba-heartbeat-late", CONTROLLER, "HEARTBEAT_STATUS"): ["OK", "LATE"] * 5 + ["OK"],
    ("bba-heartbeat-lost-and-back", CONTROLLER, "HEARTBEAT_STATUS"): ["OK", "LATE", "LOST", "OK"],
    ("bba-fail-safe-entry", CONTROLLER, "FAIL_SAFE_CAPACITY"): [120, 60, 150],
    ("bba-fail-safe-trap-3-armed-from-the-start", CONTROLLER, "HEARTBEAT_STATUS"): ["OK", "NEVER", "OK"],
    ("bba-fail-safe-trap-5-only-heartbeats-count", CONTROLLER, "CONTROLLER_MODE"): [
        *("GRID_CONNECTED", "TRANSITION", "GRID_CONNECTED")
    ],
}
"""By scenario, device and key: the values on the wire, one after the other, until what is left as it was goes on."""
TRAPS = [name for name in NAMES if "trap" in name]


def open_for(name: str, processes: Processes) -> tuple[Scene, int]:
    """With its length of a tick (s). Three hours are played with the platform's three devices, in longer ticks."""
    if "trap-2" in name:
        return Scene.opened(*processes, tick="10 s", devices=platforms_document()), 10
    return Scene.opened(*processes), 1


PART = {"bba-all-fields", "bba-capacity-up-down", "bba-fail-safe-entry", "bba-fail-safe-trap-2-never-unlimited"}


@pytest.mark.parametrize("name", [name if name in PART else only_full(name) for name in NAMES])
def test_a_scenario_of_the_library_passes_and_its_capacity_stands_as_it_should(name: str, processes: Processes) -> None:
    scene, tick_s = open_for(name, processes)
    execution = scene.play(name, tick_s)
    assert (execution["status"], execution["reasons"]) == ("passed", [])
    assert execution["steps_done"] == execution["steps_total"]
    assert scene.findings() == {}

    standings = scene.standings()
    assert standings == STANDINGS.get(name, [(standings[0][0], KNOWN)])
    assert held(scene) == HELD.get(name, [])
    for (scenario, device, key), expected in DRIVEN.items():
        if scenario == name:
            told = [value for _, value in values_of(scene.arrived(device), key)]
            assert told[: len(expected)] == expected
    speaking = [packet for packet in scene.arrived() if packet.entry["packet"]["device_type"] == "MICROGRID_CONTROLLER"]
    with_capacity = [packet for packet in speaking if "AVAILABLE_CHARGING_CAPACITY" in packet.values]
    assert len(with_capacity) > 1
    assert [packet for packet in with_capacity if "HEARTBEAT_STATUS" not in packet.values] == []


def held(scene: Scene) -> list[tuple[float, float]]:
    """(from, to), s: when a battery's mode is FAIL_SAFE."""
    found = []
    begun: float | None = None
    for one in scene.readings(key="BESS_OPERATIONAL_MODE", type="EVENT"):
        if one["device"] in {BATTERY, "bba-bess-01"}:
            if one["value"] == "FAIL_SAFE":
                begun = seconds(one["at"])
            elif begun is not None:
                found.append((begun, seconds(one["at"])))
                begun = None
    return found


def test_there_are_five_traps_and_each_has_its_expected_times() -> None:
    assert len(TRAPS) == 5
    assert set(TRAPS) - set(STANDINGS) == {"bba-fail-safe-trap-3-armed-from-the-start"}


@pytest.mark.full
def test_in_three_hours_of_silence_the_platform_never_lets_go(processes: Processes) -> None:
    scene, tick_s = open_for("trap-2", processes)
    scene.play("bba-fail-safe-trap-2-never-unlimited", tick_s)
    (circuit,) = [one for one in scene.microgrid()["circuits"] if one["circuit"] == "site"]
    silent = [change["kw"] for change in circuit["changes"] if 150 <= seconds(change["at"]) < 10_800]
    assert silent == [150]


def test_what_leaves_the_site_follows_the_export_limit(processes: Processes) -> None:
    """The sun is held back first, while the battery goes on; as the site's meter has it, to half a kilowatt."""
    scene = Scene.opened(*processes)
    scene.play("bba-export-limit")
    site = {int(packet.at): packet.values for packet in scene.arrived("node-site") if packet.type == "TELEMETRY"}
    exported = [round(site[at]["ACTIVE_POWER"]) for at in (110, 170, 230, 290)]
    assert exported == [-100, -25, 0, -100]
    sun = [value for _, value in values_of(scene.arrived(ROOF), "PV_POWER")]
    assert min(sun[2:]) < 200
    assert max(sun) > 370


def test_der_is_off_on_and_off_again_where_the_scenario_alone_sets_a_limit(
    processes: Processes,
) -> None:
    depot: Any = microgrid()
    del depot["topology"]["nodes"][0]["export_limit"]
    scene = Scene.opened(*processes, depot)
    assert scene.play("bba-all-fields")["status"] == "passed"
    assert scene.capability("DER", CONTROLLER) == [(0, "OFF"), (120, "ON"), (600, "OFF")]
    assert values_of(scene.arrived(CONTROLLER), "LIMIT_DER_EXPORT") == [(0, None), (120, 50), (600, None)]
    assert scene.findings() == {}
