"""What is wrong is told clearly, where it is, and nothing is lost: profiles, documents, platforms that lie."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.adapters.cli.command_line import depot_sim
from tests.e2e.conftest import Processes
from tests.e2e.oscp_stage import url_of
from tests.e2e.packet_endpoint import endpoint
from tests.e2e.packet_profiles import ACME, written
from tests.e2e.packet_stage import BATTERY, Scene, platforms_document

# Profiles

SPOILT = {
    "measurands.csv": [("number,MW,0", "number,kV,0"), (",SOC\n", ",STATE_OF_CHARGE\n")],
    "enums.csv": [("HEARTBEAT_STATUS,NEVER,unseen\n", "")],
    "bess_modes.csv": [("6,ON,OK|LATE,0,", "6,ON,OK,1,")],
    "message.json": [('"{packet_id}"', '"{packet}"')],
}
PROFILES_FAULTS = {
    ("measurands.csv/unit_ucum", 4, 35, '"kV"'),
    ("measurands.csv/source", 8, 45, '"STATE_OF_CHARGE"'),
    ("enums.csv/HEARTBEAT_STATUS", None, None, "nothing for NEVER"),
    ("bess_modes.csv/rule", 7, 1, "rule 6, which is never reached"),
    ("bess_modes.csv", None, None, "48 combinations that no row matches"),
    ("message.json", 2, 40, "the placeholder {packet}"),
}
"""(pointer, line, column, how it begins)."""


def spoilt() -> dict[str, str]:
    files = dict(ACME)
    for name, replacements in SPOILT.items():
        for old, new in replacements:
            assert old in files[name]
            files[name] = files[name].replace(old, new)
    return files


def assert_profiles_faults(faults: list[Any]) -> None:
    found = {(one["pointer"], one.get("line"), one.get("column"), one["found"]) for one in faults}
    assert len(found) == len(PROFILES_FAULTS)
    for pointer, line, column, begins in PROFILES_FAULTS:
        assert [one for one in found if one[:3] == (pointer, line, column) and one[3].startswith(begins)], pointer
    assert all(one["expected"] for one in faults)


def test_a_bad_profile_is_checked_with_every_fault_in_file_line_and_column(tmp_path: Path) -> None:
    folder = str(written(spoilt(), tmp_path / "bad"))
    checked = depot_sim("packets", "profile", "check", folder, "--json")
    assert checked.code == 1
    assert_profiles_faults(checked.json["faults"])
    assert "6 faults found" in depot_sim("packets", "profile", "check", folder).out


def test_no_feed_is_opened_by_a_bad_profile_and_the_run_and_its_other_feed_go_on(
    processes: Processes, tmp_path: Path
) -> None:
    scene = Scene.opened(*processes)
    asked = {"binding_id": "bad", "managed_scope_id": "site", "endpoint": "http://127.0.0.1:9/packets"}
    answer = scene.sim.post(f"{scene.run}/packet-feeds", json=asked | {"profile_files": spoilt()})
    assert answer.status_code == 422
    assert_profiles_faults(answer.json()["faults"])

    folder = str(written(spoilt(), tmp_path / "bad"))
    where = ("--run", scene.run_id, "--binding", "bad", "--scope", "site", "--endpoint", "http://127.0.0.1:9/packets")
    opened = depot_sim("packets", "open", *where, "--profile", folder, "--url", url_of(scene.sim))
    assert opened.code == 2
    assert "bess_modes.csv/rule (line 7, column 1)" in opened.err
    assert scene.sim.get(f"{scene.run}/packet-feeds/bad").status_code == 404
    assert scene.play("bba-dispatch-states")["status"] == "passed"
    assert scene.findings() == {}


# Documents


def half_mapped() -> Any:
    """The example's document with four rows that cannot be mapped."""
    document = platforms_document()
    controller, battery, _ = devices = document["devices"]
    controller["sensor_actions"].append({"sensor_action": "UPDATE_WEATHER", "measurands": {"SOC": "SOC"}})
    battery["sensor_actions"][0]["measurands"]["soc_pct"] = "STATE_OF_CHARGE"
    states = [{"sensor_action": "UPDATE_POWER_SOURCE_STATE", "measurands": {"SOC": "SOC"}}]
    devices.append({"device_id": "bba-lost", "circuit": "nowhere", "sensor_actions": states})
    devices.append({"device_id": "bba-bay", "asset": {"charger": "bay-1"}, "sensor_actions": states})
    return document


UNMAPPED = {
    "/devices/0/sensor_actions/3/sensor_action": '"UPDATE_WEATHER"',
    "/devices/1/sensor_actions/0/measurands/soc_pct": '"STATE_OF_CHARGE"',
    "/devices/3/circuit": '"nowhere"',
    "/devices/4/sensor_actions/0/measurands/SOC": "SOC, which charger bay-1 cannot tell",
}


def test_rows_that_cannot_be_mapped_are_reported_by_the_check_the_opening_and_the_feed(
    processes: Processes, tmp_path: Path
) -> None:
    file = tmp_path / "binding.json"
    file.write_text(json.dumps(half_mapped(), indent=2), encoding="utf-8")
    checked = depot_sim("packets", "binding", "check", str(file), "--depot", "bba-microgrid", "--json")
    assert checked.code == 1
    told = {one["pointer"]: one for one in checked.json["unmapped"]}
    assert {pointer: one["found"] for pointer, one in told.items()} == UNMAPPED
    lines = file.read_text(encoding="utf-8").splitlines()
    assert '"nowhere"' in lines[told["/devices/3/circuit"]["line"] - 1]

    scene = Scene.opened(*processes)
    where = ("--run", scene.run_id, "--binding", "half", "--scope", "site", "--endpoint", "http://127.0.0.1:9/packets")
    opened = depot_sim("packets", "open", *where, "--binding-file", str(file), "--url", url_of(scene.sim))
    assert opened.code == 0
    assert [pointer for pointer in UNMAPPED if f"not mapped: {pointer}: " not in opened.out + opened.err] == []
    view = scene.sim.get(f"{scene.run}/packet-feeds/half").json()
    assert {one["pointer"]: one["found"] for one in view["unmapped"]} == UNMAPPED
    assert (view["status"], view["devices"]) == ("OPEN", 4)


def test_what_can_be_mapped_of_a_bad_document_is_sent(processes: Processes) -> None:
    scene = Scene.opened(*processes, devices=half_mapped())
    assert scene.play("bba-dispatch-states")["status"] == "passed"
    assert {packet.device for packet in scene.arrived()} == {"bba-mgc-01", "bba-bess-01", "bba-pv-01", "bba-lost"}
    assert scene.findings() == {}


def test_a_document_out_of_shape_is_refused_with_all_its_faults(processes: Processes) -> None:
    document = platforms_document()
    document["devices"] += [{"device_id": "bba-mgc-01", "assets": {}}, {"name": "nameless"}]
    scene = Scene.opened(*processes)
    asked = {"binding_id": "bad", "managed_scope_id": "site", "endpoint": "http://127.0.0.1:9/packets"}
    answer = scene.sim.post(f"{scene.run}/packet-feeds", json=asked | {"devices": document})
    assert answer.status_code == 422
    pointers = {one["pointer"] for one in answer.json()["faults"]}
    assert pointers == {"/devices/3/assets", "/devices/4/device_id", "/devices/3/device_id"}
    assert scene.sim.get(f"{scene.run}/packet-feeds/bad").status_code == 404


# Platforms


def test_a_platform_that_is_not_there_is_told_of_and_gets_everything_once_it_is(processes: Processes) -> None:
    with endpoint() as absent:
        scene = Scene.opened(*processes, endpoint=absent.url, policy={"retry_base_ms": 20, "retry_cap_ms": 200})
        assert scene.plays("bba-dispatch-states")["status"] == "running"
        scene.move(600)
        view = scene.observed()
        assert (view["health"], view.get("delivered", 0), view["status"]) == ("IMPAIRED", 0, "OPEN")
        assert "connection refused" in view["last_error"]
        assert view["undelivered"] == view["published"] > 500

        server = ("--url", url_of(scene.sim))
        told = depot_sim("packets", "feeds", "--run", scene.run_id, *server).out
        assert "connection refused" in " ".join(told.split())
        waiting = ("packets", "history", "--run", scene.run_id, "--delivery", "pending", "--limit", "2000", "--json")
        assert len(depot_sim(*waiting, *server).json) == view["published"]

        absent.up()
        assert scene.settle()["delivered"] == view["published"]
        numbers = absent.by_device()
        assert sum(map(len, numbers.values())) == view["published"]
        assert all(seqs == list(range(len(seqs))) for seqs in numbers.values())


def test_what_a_platform_took_and_forgot_shows_as_a_gap_and_is_sent_again(processes: Processes) -> None:
    """It answers 202 as ever. Only the next packet's number tells, and the history has what is missing."""
    scene = Scene.opened(*processes)
    scene.move(60)
    scene.settle()
    lie = {"action": "lose", "device": BATTERY, "times": 3}
    scene.platform.put("/control/packets/misbehaviour", json={"rules": [lie]}).raise_for_status()
    scene.move(60)
    view = scene.settle()
    assert (view["delivered"], view.get("failures", 0)) == (view["published"], 0)
    missing = scene.missing(BATTERY)
    assert len(missing) == 3
    assert scene.findings() == {"gap": 1}

    history = scene.sim.get(f"{scene.path}/packets", params={"device": BATTERY, "limit": 1_000}).json()["packets"]
    for packet in history:
        if packet["seq"] in missing:
            again = scene.sim.post(f"{scene.path}/resend", json={"packet_id": packet["packet_id"]})
            assert again.status_code < 300, again.text
    scene.settle()
    assert scene.missing(BATTERY) == []
