"""The page about the platform's configuration: its example is the file that comes along, and every row of it works."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec

from depot_sim.adapters.configuration_import import load
from depot_sim.adapters.packets.profiles import ProfileLibrary
from depot_sim.domain.packets.binding import BindingReport, read_binding
from depot_sim.domain.packets.binding_document import ActionRow, Asset, DeviceRow, Gateway
from depot_sim.domain.packets.routing import Action
from depot_sim.domain.packets.vocabulary import DeviceType

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "packet-binding.md").read_text(encoding="utf-8")
EXAMPLE = (ROOT / "examples" / "bba-binding.json").read_text(encoding="utf-8")
EIGHT = {
    "AVAILABLE_CHARGING_CAPACITY",
    "FAIL_SAFE_CAPACITY",
    "HEARTBEAT_STATUS",
    "DISPATCH_STATE",
    "LIMIT_DER_EXPORT",
    "SOC",
    "DEVICE_POWER_STATE",
    "BESS_OPERATIONAL_MODE",
}


def report() -> BindingReport:
    raw: Any = msgspec.json.decode(EXAMPLE)
    depot = load(ROOT / "examples" / "bba-microgrid.yaml").document
    return read_binding(raw, depot, "site", ProfileLibrary().load("default/1"))


def test_the_page_shows_the_example_as_it_is() -> None:
    assert f"```json\n{EXAMPLE}```\n" in PAGE


def test_every_row_of_the_example_is_mapped_though_the_gateway_has_no_site_model() -> None:
    mapped = report()
    assert (mapped.unmapped, mapped.site_model_name) == ((), None)
    assert {device.id: device.type for device in mapped.devices} == {
        "bba-mgc-01": DeviceType.MICROGRID_CONTROLLER,
        "bba-bess-01": DeviceType.BESS,
        "bba-pv-01": DeviceType.DER,
    }


def test_the_example_has_the_eight_keys_of_the_mission() -> None:
    assert {bound.key for device in report().devices for bound in device.keys} >= EIGHT


def test_the_page_tells_every_field_and_every_action() -> None:
    for struct in (DeviceRow, ActionRow, Gateway, Asset):
        for field in struct.__struct_fields__:
            assert re.search(rf"`[^`]*\b{field}\b", PAGE) or f'"{field}"' in EXAMPLE, field
    assert all(f"`{action}`" in PAGE for action in Action)
