"""`depot-sim packets profile`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.adapters.cli.command_line import depot_sim


def test_the_profiles_that_come_along_are_listed() -> None:
    listed = depot_sim("packets", "profile", "list", "--json")
    assert listed.code == 0
    assert [(one["name"], one["encoder"]) for one in listed.json] == [
        ("default/1", "full"),
        ("flat/1", "flat"),
        ("senml/1", "senml"),
    ]
    assert "senml/1" in depot_sim("packets", "profile", "list").out


def test_a_profile_is_shown_with_its_keys_and_a_packet() -> None:
    shown = depot_sim("packets", "profile", "show", "default/1").out
    assert "AVAILABLE_CHARGING_CAPACITY" in shown
    assert json.loads(shown.splitlines()[-1])["profile"] == "default/1"
    keys = depot_sim("packets", "profile", "show", "default/1", "--json").json["measurands"]
    assert {key["key"]: key["unit"] for key in keys}["ENERGY_IMPORT"] == "kW.h"


def test_an_exported_profile_is_sound_until_it_is_spoilt(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    assert str(folder / "measurands.csv") in depot_sim("packets", "profile", "export", "default/1", str(folder)).out
    sound = depot_sim("packets", "profile", "check", str(folder))
    assert (sound.code, sound.out) == (0, f"{folder}: sound. default/1: 34 keys, 21 modes, encoder full\n")
    table = folder / "measurands.csv"
    table.write_text(table.read_text().replace("SOC,bess|vehicle,number,%", "SOC,bess|vehicle,number,kW"))
    spoilt = depot_sim("packets", "profile", "check", str(folder))
    assert spoilt.code == 1
    assert "1 fault found" in spoilt.out
    assert "measurands.csv/unit_ucum" in spoilt.out
    (fault,) = depot_sim("packets", "profile", "check", str(folder), "--json").json["faults"]
    assert (fault["line"], fault["column"], fault["found"]) == (25, 25, '"kW"')


@pytest.mark.parametrize("action", ["check", "show", "export"])
def test_a_profile_that_is_not_there_is_an_error_of_usage(action: str, tmp_path: Path) -> None:
    folder = [str(tmp_path / "new")] if action == "export" else []
    missing = depot_sim("packets", "profile", action, "nowhere", *folder)
    assert missing.code == 2
    assert "nowhere" in missing.err
