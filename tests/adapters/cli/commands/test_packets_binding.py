"""`depot-sim packets binding check`: what the platform's configuration amounts to, and every row of it that fails."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from depot_sim.bootstrap.tools import toolbox
from tests.adapters.cli.command_line import Result, depot_sim

EXAMPLE = toolbox().examples / "bba-binding.json"
HALF = """\
devices:
  - device_id: battery-1
    circuit: Storage
    sensor_actions:
      - sensor_action: UPDATE_POWER_SOURCE_STATE
        measurands: {SOC: SOC, CHARGE: STATE_OF_CHARGE}
  - device_id: unknown-1
    circuit: Nowhere
    sensor_actions:
      - {sensor_action: UPDATE_POWER_SOURCE_STATE, target: roof, measurands: {SOC: SOC}}
"""


def check(file: Path, *more: str) -> Result:
    return depot_sim("packets", "binding", "check", str(file), "--depot", "bba-microgrid", *more)


@pytest.fixture
def half(tmp_path: Path) -> Path:
    """Some of it can be mapped."""
    path = tmp_path / "half.yaml"
    path.write_text(HALF, encoding="utf-8")
    return path


def test_every_device_of_the_example_is_mapped(half: Path) -> None:
    code, out, err = check(EXAMPLE)
    assert (code, err) == (0, "")
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line.startswith("bba-")}
    assert rows["bba-pv-01"] == ["bba-pv-01", "DER", "roof", "pv", "roof", "DEVICE_POWER_STATE", "ACTIVE_POWER"]
    assert set(rows) == {"bba-mgc-01", "bba-bess-01", "bba-pv-01"}
    assert out.endswith("devices mapped: 3, rows not mapped: 0\n")


def test_what_cannot_be_mapped_is_told_with_its_place_and_the_rest_is_shown(half: Path) -> None:
    code, out, _ = check(half)
    assert code == 1
    mapped, _, unmapped = out.partition("not mapped:")
    assert "battery-1" in mapped
    assert "unknown-1" not in mapped
    places = [line.split()[:3] for line in unmapped.splitlines() if "/devices/" in line]
    assert places == [
        ["6", "40", "/devices/0/sensor_actions/0/measurands/CHARGE"],
        ["8", "14", "/devices/1/circuit"],
        ["10", "84", "/devices/1/sensor_actions/0/measurands/SOC"],
    ]
    assert out.endswith("devices mapped: 1, rows not mapped: 3\n")


def test_programs_get_the_report_as_json(half: Path) -> None:
    whole = check(EXAMPLE, "--json").json
    assert (whole["valid"], whole["unmapped"], whole["faults"], whole["site_model_name"]) == (True, [], [], None)
    assert whole["devices"][1]["entities"] == [["bess", "battery"]]
    report = check(half, "--json").json
    assert report["valid"] is False
    assert [device["id"] for device in report["devices"]] == ["battery-1"]
    assert [fault["pointer"] for fault in report["unmapped"]][1] == "/devices/1/circuit"


@pytest.mark.parametrize(
    ("text", "line", "pointer"),
    [
        ('{"devices": [\n{"device_id": ""}]}', 2, "/devices/0/device_id"),
        ('{"devices": [],\n"gate": 1}', 2, "/gate"),
        ('{"devices": [}', 1, ""),
    ],
)
def test_a_document_out_of_shape_is_refused_with_line_and_column(
    tmp_path: Path, text: str, line: int, pointer: str
) -> None:
    path = tmp_path / "faulty.json"
    path.write_text(text, encoding="utf-8")
    result = check(path, "--json")
    assert (result.code, result.json["valid"], result.json["devices"]) == (1, False, [])
    (fault,) = result.json["faults"]
    assert (fault["line"], fault["pointer"]) == (line, pointer)
    people = check(path)
    assert people.code == 1
    assert fault["expected"].split()[0] in people.out


def test_it_is_checked_by_the_profile_and_scope_that_are_named(tmp_path: Path) -> None:
    assert check(EXAMPLE, "--profile", "flat/1", "--scope", "site").code == 0
    code, _, err = check(EXAMPLE, "--scope", "moon")
    assert code == 2
    assert "moon" in err


def test_a_depot_that_has_several_scopes_wants_one_named(tmp_path: Path) -> None:
    depot: dict[str, Any] = {
        "name": "Two scopes",
        "topology": {"nodes": [{"id": "grid"}, {"id": "yard", "parent": "grid"}]},
        "managed_scopes": [{"id": "a", "node": "grid"}, {"id": "b", "node": "yard"}],
    }
    path = tmp_path / "depot.json"
    path.write_text(json.dumps(depot), encoding="utf-8")
    code, _, err = depot_sim("packets", "binding", "check", str(EXAMPLE), "--depot", str(path))
    assert code == 2
    assert "--scope one of a, b" in err
