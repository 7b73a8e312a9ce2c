"""Packets sent as the platform's own device and sensor-action configuration says, and nothing else says it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.adapters.cli.command_line import depot_sim
from tests.e2e.oscp_stage import stand_in, url_of
from tests.e2e.packet_stage import BINDING, Scene, microgrid, platforms_document, values_of

NAME = "bba-all-fields"
MGC, BESS, PV = "bba-mgc-01", "bba-bess-01", "bba-pv-01"
SOURCES = [
    {"id": "power-source-1", "kind": "BATTERY", "circuit": "Storage"},
    {"id": "power-source-2", "kind": "PV", "circuit": "Roof"},
]
"""The platform's own assets, under its own names."""


class Stage:
    """Both processes. The platform is set up by the document that the feed is bound by."""

    def __init__(self, sim: httpx.Client, platform: httpx.Client, folder: Path) -> None:
        self.sim = sim
        self.platform = platform
        self.folder = folder

    def play(self, document: Any) -> Scene:
        """In one line, with the document in the depot's configuration."""
        self.platform.put("/control/packet-settings", json={"power_sources": SOURCES}).raise_for_status()
        assert self.platform.put("/control/packet-devices", json=document).json()["unmapped"] == []
        self.platform.delete("/control/packets").raise_for_status()
        binding = {"family": "packets", "id": BINDING, "managed_scope": "site", "devices": document}
        depot = self.folder / "depot.json"
        depot.write_text(json.dumps(microgrid(projection_bindings=[binding])), encoding="utf-8")
        endpoint = ("--packets-endpoint", f"{url_of(self.platform)}/packets")
        played = depot_sim(
            "scenario", "start", NAME, "--depot", str(depot), *endpoint, "--url", url_of(self.sim), "--keep", "--json"
        )
        assert (played.code, played.json["status"]) == (0, "passed"), played.err
        scene = Scene(self.sim, self.platform, played.json["run_id"])
        scene.settle()
        return scene


@pytest.fixture(scope="module")
def stage(shared_simulator: httpx.Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The stand-in is this module's own: it gets settings and a configuration of devices."""
    folder = tmp_path_factory.mktemp("binding")
    with stand_in(folder) as platform:
        yield Stage(shared_simulator, platform, folder)


@pytest.fixture(scope="module")
def scene(stage: Stage) -> Scene:
    """The example's document, in which site_model_name is null."""
    document = platforms_document()
    assert document["gateway"]["site_model_name"] is None
    return stage.play(document)


@pytest.fixture(scope="module")
def outcome(scene: Scene) -> Any:
    return downstream(scene)


def downstream(scene: Scene) -> Any:
    """What an operator of the platform sees."""
    found = scene.microgrid()
    return {
        "capacity": scene.standings("Site"),
        "der": [one["value"] for one in found["capability_history"] if one["capability"] == "DER"],
        "peak shaving": scene.capability("PEAK_SHAVING", MGC),
        "power sources": {
            one["id"]: {key: latest["value"] for key, latest in one["values"].items()} for one in found["power_sources"]
        },
    }


def test_a_site_without_a_model_name_works_from_end_to_end(scene: Scene, outcome: Any) -> None:
    view = scene.settle()
    assert "site_model_name" not in view
    assert "unmapped" not in view
    assert scene.findings() == {}
    assert {packet.entry["packet"]["site"] for packet in scene.arrived()} == {"site"}
    assert outcome["capacity"] == [(0, "AVAILABLE"), (510, "FAIL_SAFE"), (585, "AVAILABLE")]
    assert outcome["peak shaving"] == [(0, "OFF"), (212, "ON"), (241, "OFF")]
    assert set(outcome["der"]) == {100, 50}


def test_power_sources_are_found_by_circuit_and_as_the_one_battery_without_a_translation(outcome: Any) -> None:
    """COR-9: the battery's own device by its circuit, the controller's by the depot's one battery."""
    sources = outcome["power sources"]
    assert sources.keys() == {"power-source-1", "power-source-2"}
    state = {"DEVICE_POWER_STATE": "ON", "BESS_OPERATIONAL_MODE": "AUTO_CHARGE"}
    battery = {key: value for key, value in sources["power-source-1"].items() if key in state}
    assert battery == state
    assert sources["power-source-2"]["ACTIVE_POWER"] < -370


def test_exactly_the_documents_devices_send_exactly_its_keys(scene: Scene) -> None:
    expected = {
        device["device_id"]: {key for action in device["sensor_actions"] for key in action["measurands"]}
        for device in platforms_document()["devices"]
    }
    sent: dict[str, set[str]] = {}
    for packet in scene.arrived():
        sent.setdefault(packet.device, set()).update(packet.values)
    assert sent == expected


def test_the_controllers_device_drives_all_eight_fields(scene: Scene) -> None:
    power = [(0, "ON"), (285, "SHUTTING_DOWN"), (300, "OFF"), (315, "STARTING"), (330, "ON")]
    assert values_of(scene.arrived(MGC), "DEVICE_POWER_STATE") == power
    assert values_of(scene.arrived(MGC), "LIMIT_DER_EXPORT") == [(0, 100), (120, 50), (600, 100)]
    assert [word for _, word in values_of(scene.arrived(MGC), "DISPATCH_STATE")] == [
        *("NONE", "SCHEDULED", "ACTIVE", "COMPLETED", "REJECTED", "NONE")
    ]
    with_capacity = [packet for packet in scene.arrived(MGC) if "AVAILABLE_CHARGING_CAPACITY" in packet.values]
    assert with_capacity
    assert [packet for packet in with_capacity if "HEARTBEAT_STATUS" not in packet.values] == []


@pytest.mark.full
def test_another_document_sends_other_keys_of_other_devices_and_comes_to_the_same(stage: Stage, outcome: Any) -> None:
    """No mapping is written anywhere but in the document: keys and ids of somebody else, and a model name."""
    document = platforms_document()
    document["gateway"]["site_model_name"] = "BBA-SITE"
    for device in document["devices"]:
        for action in device["sensor_actions"]:
            action["measurands"] = {f"x.{key.lower()}": name for key, name in action["measurands"].items()}
    renamed = stage.play(document)
    keys = {key for packet in renamed.arrived() for key in packet.values}
    assert {key for key in keys if not key.startswith("x.")} == set()
    assert {packet.entry["packet"]["site"] for packet in renamed.arrived()} == {"BBA-SITE"}
    assert renamed.settle()["site_model_name"] == "BBA-SITE"
    assert downstream(renamed) == outcome
