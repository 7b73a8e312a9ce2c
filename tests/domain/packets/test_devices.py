"""Devices of a managed scope that nobody configured."""

from __future__ import annotations

import pytest

from depot_sim.domain.configuration.document import Node
from depot_sim.domain.kernel.errors import NotFound
from depot_sim.domain.kernel.quantities import Power
from depot_sim.domain.packets.device import EntityKind
from depot_sim.domain.packets.devices import derived_devices
from depot_sim.domain.packets.vocabulary import DeviceType
from tests.domain.packets.depots import PROFILE, microgrid, sensor
from tests.domain.run.world.depots import KW

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


def types(scope: str = "site") -> dict[str, DeviceType]:
    return {device.id: device.type for device in derived_devices(microgrid(), scope, PROFILE)}


def keys(device_id: str, scope: str = "site", **changes: object) -> set[str]:
    devices = derived_devices(microgrid(**changes), scope, PROFILE)
    return {bound.key for device in devices if device.id == device_id for bound in device.keys}


def test_everything_below_the_scope_becomes_a_device() -> None:
    assert types() == {
        "node-grid": DeviceType.SITE_METER,
        "node-yard": DeviceType.FEEDER_METER,
        "charger-c1": DeviceType.CHARGER_METER,
        "charger-c2": DeviceType.CHARGER_METER,
        "bess-s": DeviceType.BESS,
        "pv-sun": DeviceType.DER,
        "controller-m": DeviceType.MICROGRID_CONTROLLER,
        "weather": DeviceType.WEATHER,
    }


def test_a_scope_further_down_has_only_what_is_there() -> None:
    assert set(types("charging")) == {"node-yard", "charger-c1", "charger-c2", "weather"}
    assert types("charging")["node-yard"] is DeviceType.FEEDER_METER


def test_the_controller_has_all_eight_keys_of_the_mission() -> None:
    assert keys("controller-m") >= EIGHT
    devices = {device.id: device for device in derived_devices(microgrid(), "site", PROFILE)}
    assert devices["controller-m"].entities == (
        (EntityKind.CONTROLLER, "m"),
        (EntityKind.BESS, "s"),
        (EntityKind.PV, "sun"),
        (EntityKind.NODE, "grid"),
    )
    assert devices["controller-m"].node == "grid"


def test_without_a_battery_a_controller_does_not_speak_of_one() -> None:
    assert keys("controller-m", bess=()) & {"SOC", "BESS_OPERATIONAL_MODE"} == set()


def test_without_a_controller_nobody_tells_of_its_heartbeats() -> None:
    told = {"HEARTBEAT_STATUS", "HEARTBEAT_COUNTER"}
    assert told <= keys("node-grid")
    for device in ("node-grid", "bess-s", "pv-sun"):
        assert not told & keys(device, microgrid_controllers=())


def test_nodes_without_limit_or_sensor_have_no_meter() -> None:
    bare = [Node(id="grid", limit=Power(100 * KW), fail_safe_limit=Power(KW)), Node(id="yard", parent="grid")]
    assert not keys("node-yard", nodes=bare)
    measured = derived_devices(microgrid(sensor("x", node="yard"), nodes=bare), "site", PROFILE)
    assert "node-yard" in {device.id for device in measured}


def test_an_unknown_scope_is_not_found() -> None:
    with pytest.raises(NotFound, match="'nowhere'"):
        derived_devices(microgrid(), "nowhere", PROFILE)
