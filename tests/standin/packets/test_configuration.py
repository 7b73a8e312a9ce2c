"""The platform's device and sensor-action configuration, and where power sources are found (COR-9, COR-39)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from depot_sim.standin.packets.routing import NoTarget, power_source
from depot_sim.standin.packets.settings import AssetKind, PowerSourceAsset
from tests.standin.packets.stage import Sender, capacity, kinds, measurement, packet, played

DOCUMENT = Path(__file__).parents[3] / "examples" / "bba-binding.json"
ON_FEEDER = PowerSourceAsset("on-feeder", AssetKind.PV, "feeder")
BATTERY, SECOND = PowerSourceAsset("battery"), PowerSourceAsset("second")
MAPPED = {
    "gateway": {"gateway_id": "gw", "site_model_name": None},
    "devices": [
        {
            "device_id": "mgc-1",
            "circuit": "feeder",
            "asset": {"controller": "ours"},
            "sensor_actions": [
                {
                    "sensor_action": "UPDATE_CIRCUIT_CAPACITY",
                    "target": "circuit-7",
                    "measurands": {
                        "availCap": "AVAILABLE_CHARGING_CAPACITY",
                        "failSafe": "FAIL_SAFE_CAPACITY",
                        "hb": "heartbeat",
                    },
                },
                {"sensor_action": "UPDATE_MICROGRID_STATE", "measurands": {"exportLimited": "LIMIT_DER_EXPORT"}},
                {"sensor_action": "UPDATE_POWER_SOURCE_STATE", "measurands": {"stateOfCharge": "SOC"}},
            ],
        }
    ],
}
OTHER_PROFILE = {
    "measurands": {
        "heartbeat": {"measurand": "HEARTBEAT_STATUS", "words": {"Alive": "OK", "Dead": "LOST"}},
        "AVAILABLE_CHARGING_CAPACITY": {"measurand": "AVAILABLE_CHARGING_CAPACITY", "unit": "W"},
    }
}


def route(
    *assets: PowerSourceAsset, circuit: str | None = None, target: str | None = None, to: str | None = None
) -> str:
    return power_source(assets, "mgc-1", circuit, target, to)


def test_a_target_that_is_a_power_source_is_meant() -> None:
    assert route(ON_FEEDER, BATTERY, SECOND, circuit="feeder", target="second") == "second"


def test_then_comes_the_power_source_on_the_devices_own_circuit() -> None:
    assert route(ON_FEEDER, BATTERY, circuit="feeder", target="unheard-of", to="translated") == "on-feeder"


def test_then_comes_the_one_battery_of_the_depot() -> None:
    assert route(ON_FEEDER, BATTERY, to="translated") == "battery"


def test_the_gateways_translation_comes_last() -> None:
    assert route(BATTERY, SECOND, circuit="feeder", to="translated") == "translated"


def test_several_candidates_and_no_translation_are_nobodys_and_the_remedy_is_said() -> None:
    with pytest.raises(NoTarget, match="0 power sources on circuit feeder, 2 batteries in all: link the device"):
        route(BATTERY, SECOND, circuit="feeder")


def test_a_depot_that_is_not_set_up_takes_what_it_is_told_or_the_device() -> None:
    assert (route(target="told"), route(to="translated"), route()) == ("told", "translated", "mgc-1")


@played()
async def test_other_keys_casing_units_and_words_drive_the_same(sender: Sender) -> None:
    """By the platform's document and the profile's names; the gateway has no site model."""
    await sender.told("PUT", "packet-settings", OTHER_PROFILE)
    assert (await sender.told("PUT", "packet-devices", MAPPED))["unmapped"] == []
    values = {"availCap": 300_000, "failSafe": 40, "hb": "Alive", "exportLimited": True, "stateOfCharge": 71.5}
    flat = {"ts": 1_772_431_200_000, "values": values}
    [outcome] = (await sender.post(flat, "/packets/mgc-1")).body["packets"]
    assert (outcome["verdict"], kinds(outcome)) == ("applied", [])
    view, circuit = await sender.microgrid(), await sender.circuit("circuit-7")
    assert (circuit["standing"], circuit["kw"], circuit["fail_safe_kw"]) == ("AVAILABLE", 300, 40)
    assert view["capabilities"]["DER"]["status"] == "ON"
    assert [(one["id"], list(one["values"])) for one in view["power_sources"]] == [("mgc-1", ["SOC"])]
    values["hb"] = "Dead"
    await sender.post({"ts": 1_772_431_230_000, "values": values}, "/packets/mgc-1")
    assert (await sender.circuit("circuit-7"))["standing"] == "FAIL_SAFE"


@played()
async def test_the_document_that_feeds_are_bound_by_is_understood(sender: Sender) -> None:
    """To the last row: each device drives what the platform configured it for."""
    answer = await sender.told("PUT", "packet-devices", json.loads(DOCUMENT.read_bytes()))
    assert answer["unmapped"] == []
    controller, battery = {"device": "bba-mgc-01"}, {"device": "bba-bess-01", "deviceType": "BESS"}
    await sender.send(
        packet(0, 0, *capacity(300), measurement("LIMIT_DER_EXPORT", 10, "kW"), **controller),
        packet(0, 0, measurement("SOC", 50, "%"), measurement("ACTIVE_POWER", 7, "kW"), **battery),
    )
    view, circuit = await sender.microgrid(), await sender.circuit("Site")
    assert (circuit["kw"], view["capabilities"]["DER"]["status"]) == (300, "ON")
    assert [(one["id"], sorted(one["values"])) for one in view["power_sources"]] == [
        ("bba-bess-01", ["ACTIVE_POWER", "SOC"])
    ]


@played()
async def test_a_key_that_is_not_mapped_is_unknown_though_the_contract_has_it(sender: Sender) -> None:
    await sender.told("PUT", "packet-devices", MAPPED)
    [outcome] = await sender.send(packet(0, 0, measurement("SOC", 50, "%"), measurement("stateOfCharge", 50, "%")))
    assert [(one["kind"], one.get("key")) for one in outcome["findings"]] == [
        ("no-birth", None),
        ("unknown-key", "SOC"),
    ]


@played()
async def test_a_key_drives_only_the_action_it_is_mapped_for(sender: Sender) -> None:
    action = {"sensor_action": "UPDATE_POWER_SOURCE_STATE", "measurands": {"soc": "SOC"}}
    state = {"sensor_action": "UPDATE_MICROGRID_STATE", "measurands": {"mode": "BESS_OPERATIONAL_MODE"}}
    await sender.told("PUT", "packet-devices", {"devices": [{"device_id": "mgc-1", "sensor_actions": [action, state]}]})
    await sender.send(packet(0, 0, measurement("soc", 50, "%"), measurement("mode", "AUTO_DISCHARGE")))
    view = await sender.microgrid()
    assert [list(one["values"]) for one in view["power_sources"]] == [["SOC"]]
    assert list(view["capabilities"]) == ["PEAK_SHAVING"]


@played()
async def test_an_action_without_a_mapping_takes_the_contracts_keys(sender: Sender) -> None:
    action = {"sensor_action": "UPDATE_CIRCUIT_CAPACITY"}
    device = {"device_id": "mgc-1", "circuit": "feeder", "sensor_actions": [action]}
    await sender.told("PUT", "packet-devices", {"devices": [device]})
    assert (await sender.circuit("feeder"))["standing"] == "WAITING"
    await sender.send(packet(0, 0, *capacity(300)))
    assert (await sender.circuit("feeder"))["kw"] == 300


@played()
async def test_rows_that_cannot_be_put_to_use_are_reported_and_the_others_are_used(sender: Sender) -> None:
    rows = [
        {"sensor_action": "UPDATE_WEATHER", "measurands": {"t": "AMBIENT_TEMPERATURE"}},
        {"sensor_action": "UPDATE_MICROGRID_STATE", "measurands": {"a/b": "NONSENSE", "der": "LIMIT_DER_EXPORT"}},
    ]
    devices = [{"device_id": "idle"}, {"device_id": "mgc-1", "sensor_actions": rows}]
    answer = await sender.told("PUT", "packet-devices", {"devices": devices})
    assert [one["pointer"] for one in answer["unmapped"]] == [
        "/devices/0/sensor_actions",
        "/devices/1/sensor_actions/0/sensor_action",
        "/devices/1/sensor_actions/1/measurands/a~1b",
    ]
    assert await sender.told("GET", "packet-devices") == answer
    await sender.send(packet(0, 0, measurement("der", 5, "kW")))
    assert (await sender.microgrid())["capabilities"]["DER"]["status"] == "ON"


@played()
async def test_devices_that_are_not_configured_are_recorded_or_refused_and_drive_nothing(sender: Sender) -> None:
    await sender.told("PUT", "packet-devices", MAPPED)
    [outcome] = await sender.send(packet(0, 0, *capacity(300), device="stranger"))
    assert (outcome["verdict"], kinds(outcome)) == ("recorded", ["no-birth", "unknown-device"])
    await sender.told("PUT", "packet-settings", {"accept_unknown_devices": False})
    answer = await sender.post(packet(1, 0, device="stranger"))
    assert (answer.status, answer.body["detail"]) == (403, "not configured: stranger")
    assert [one["verdict"] for one in await sender.packets()] == ["turned-away", "recorded"]


@played()
async def test_a_configuration_that_makes_no_sense_changes_nothing(sender: Sender) -> None:
    await sender.told("PUT", "packet-devices", MAPPED)
    twice = [{"device_id": "a"}] * 2
    for broken in ({"devices": [{"name": "a"}]}, {"devices": twice}, {"devices": [], "colour": "red"}):
        assert (await sender.control("PUT", "packet-devices", broken)).status == 422
    assert len((await sender.told("GET", "packet-devices"))["document"]["devices"]) == 1
    await sender.told("DELETE", "packet-devices")
    assert (await sender.control("GET", "packet-devices")).status == 404


@played()
async def test_nothing_is_written_to_a_power_source_that_routing_does_not_find(sender: Sender) -> None:
    await sender.told("PUT", "packet-settings", {"power_sources": [{"id": "a"}, {"id": "b"}]})
    [outcome] = await sender.send(packet(0, 0, measurement("SOC", 50, "%"), type="EVENT"))
    assert kinds(outcome) == ["no-birth", "not-applied"]
    assert (await sender.microgrid())["power_sources"] == []
