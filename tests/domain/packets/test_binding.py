"""The platform's device and sensor-action configuration: what is mapped, routed, reported and refused."""

from __future__ import annotations

from typing import Any

import pytest

from depot_sim.domain.configuration.document import Bess, MicrogridController, Node, PvArray
from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.kernel.quantities import Power
from depot_sim.domain.packets.binding import BindingReport, read_binding
from depot_sim.domain.packets.device import BoundKey, Device, EntityKind, SensorAction
from depot_sim.domain.packets.measure.observer import Observer
from depot_sim.domain.packets.vocabulary import DeviceType
from depot_sim.domain.run.commands import SetBess
from depot_sim.domain.run.world.state import PowerState
from tests.domain.packets.depots import PROFILE, microgrid
from tests.domain.run.world.depots import KW, Simulation

CAPACITY = {
    "sensor_action": "UPDATE_CIRCUIT_CAPACITY",
    "target": "grid",
    "measurands": {
        "AVAILABLE_CHARGING_CAPACITY": "AVAILABLE_CHARGING_CAPACITY",
        "HEARTBEAT_STATUS": "HEARTBEAT_STATUS",
    },
}
LOAD = {"sensor_action": "UPDATE_POWER_SOURCE_LOAD", "measurands": {"P": "ACTIVE_POWER"}}
STATE = {"sensor_action": "UPDATE_POWER_SOURCE_STATE", "measurands": {"soc": "SOC"}}
GRID = Node(id="grid", limit=Power(200 * KW), fail_safe_limit=Power(60 * KW))
TWO_BATTERIES: dict[str, Any] = {
    "nodes": [GRID, Node(id="yard", parent="grid", name="Yard"), Node(id="roof", parent="grid")],
    "bess": (Bess(id="s", node="yard"), Bess(id="t", node="grid"), Bess(id="u", node="grid")),
}


def read(*devices: dict[str, Any], gateway: dict[str, Any] | None = None, **changes: Any) -> BindingReport:
    raw = {"gateway": gateway or {"site_model_name": None}, "devices": list(devices)}
    return read_binding(raw, microgrid(**changes), "site", PROFILE)


def device(*actions: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"device_id": "d", "sensor_actions": list(actions), **fields}


def only(report: BindingReport) -> Device:
    assert report.unmapped == ()
    (one,) = report.devices
    return one


def reported(report: BindingReport) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.found) for fault in report.unmapped]


# What is mapped


def test_a_controller_with_two_actions_becomes_a_device_under_the_platforms_names() -> None:
    state = {
        "sensor_action": "UPDATE_MICROGRID_STATE",
        "target": "microgrid-7",
        "measurands": {"stateOfCharge": "SOC", "HEARTBEAT_STATUS": "HEARTBEAT_STATUS"},
    }
    fields = {"name": "Controller", "asset": {"controller": "m"}, "cadence": "30 s", "endpoint": "http://gw/packets"}
    assert only(read(device(CAPACITY, state, **fields))) == Device(
        "d",
        DeviceType.MICROGRID_CONTROLLER,
        "grid",
        (
            (EntityKind.CONTROLLER, "m"),
            (EntityKind.BESS, "s"),
            (EntityKind.PV, "sun"),
            (EntityKind.NODE, "grid"),
        ),
        (
            BoundKey("AVAILABLE_CHARGING_CAPACITY", "AVAILABLE_CHARGING_CAPACITY"),
            BoundKey("HEARTBEAT_STATUS", "HEARTBEAT_STATUS"),
            BoundKey("SOC", "stateOfCharge"),
        ),
        30_000,
        "http://gw/packets",
        (
            SensorAction("UPDATE_CIRCUIT_CAPACITY", "grid", ("AVAILABLE_CHARGING_CAPACITY", "HEARTBEAT_STATUS")),
            SensorAction("UPDATE_MICROGRID_STATE", "microgrid-7", ("stateOfCharge", "HEARTBEAT_STATUS")),
        ),
    )


def test_the_gateway_may_have_no_site_model() -> None:
    assert read(device(LOAD, circuit="grid")).site_model_name is None
    assert read(device(LOAD), gateway={"site_model_name": "BBA"}).site_model_name == "BBA"
    assert read_binding({"devices": []}, microgrid(), "site", PROFILE) == BindingReport((), None, ())


def test_bound_devices_can_be_observed() -> None:
    report = read(device(CAPACITY, STATE), {**device(LOAD, asset={"pv": "sun"}), "device_id": "e"})
    simulation = Simulation(microgrid())
    observer = Observer(simulation.depot, report.devices, PROFILE, 7)
    read_values = [
        observer.read(simulation.world, 0, place, key).value
        for place, bound in enumerate(report.devices)
        for key in range(len(bound.keys))
    ]
    assert read_values == [260 * KW, "OK", 500_000, 0]


@pytest.mark.parametrize(
    ("asset", "type", "place"),
    [
        ({"node": "grid"}, DeviceType.SITE_METER, "grid"),
        ({"node": "yard"}, DeviceType.FEEDER_METER, "yard"),
        ({"charger": "c1"}, DeviceType.CHARGER_METER, "yard"),
        ({"bess": "s"}, DeviceType.BESS, "grid"),
        ({"pv": "sun"}, DeviceType.DER, "grid"),
    ],
)
def test_an_asset_named_outright_gives_type_and_place(asset: dict[str, str], type: DeviceType, place: str) -> None:
    mapped = only(read(device(LOAD, asset=asset)))
    assert (mapped.type, mapped.node) == (type, place)


def test_the_weather_has_a_device_too() -> None:
    action = {"sensor_action": "UPDATE_MICROGRID_STATE", "measurands": {"T": "AMBIENT_TEMPERATURE"}}
    mapped = only(read(device(action, asset={"weather": True})))
    assert (mapped.type, mapped.node) == (DeviceType.WEATHER, "grid")


# Routing


def source(report: BindingReport) -> tuple[EntityKind, str]:
    return only(report).entities[0]


def test_first_the_one_power_source_on_the_linked_circuit() -> None:
    assert source(read(device(STATE, circuit="yard"), **TWO_BATTERIES)) == (EntityKind.BESS, "s")
    assert source(read(device(STATE, circuit="Yard"), **TWO_BATTERIES)) == (EntityKind.BESS, "s")
    assert source(read(device(LOAD, circuit="roof"), **TWO_BATTERIES | {"pv": (PvArray(id="p", node="roof"),)})) == (
        EntityKind.PV,
        "p",
    )


def test_then_the_one_battery_of_the_depot() -> None:
    assert source(read(device(STATE))) == (EntityKind.BESS, "s")
    assert source(read(device(STATE, circuit="grid"))) == (EntityKind.BESS, "s")  # a battery and an array are there


def test_then_what_the_gateway_translates_to() -> None:
    gateway = {"site_model_name": None, "output_translation": {"d": {"bess": "t"}}}
    assert source(read(device(STATE), gateway=gateway, **TWO_BATTERIES)) == (EntityKind.BESS, "t")
    assert source(read(device(STATE, circuit="yard"), gateway=gateway, **TWO_BATTERIES)) == (EntityKind.BESS, "s")


def test_a_target_that_is_the_id_of_a_power_source_is_that_one() -> None:
    assert source(read(device(STATE | {"target": "u"}, circuit="yard"), **TWO_BATTERIES)) == (EntityKind.BESS, "u")
    assert source(read(device(STATE | {"target": "battery 17 of the platform"}))) == (EntityKind.BESS, "s")


def test_with_several_candidates_nothing_is_written_to_a_wrong_one() -> None:
    report = read(device(STATE, circuit="grid"), device(LOAD) | {"device_id": "e"}, **TWO_BATTERIES)
    assert report.devices == ()
    assert reported(report) == [
        ("/devices/0/sensor_actions/0", "3 power sources on circuit grid, 3 batteries in the depot"),
        ("/devices/1/sensor_actions/0", "without a circuit, 3 batteries in the depot"),
    ]
    assert "output_translation" in report.unmapped[0].expected


def test_a_controller_does_not_speak_for_one_of_several_batteries_unless_routed_to() -> None:
    action = {"sensor_action": "UPDATE_MICROGRID_STATE", "measurands": {"soc": "SOC", "mode": "CONTROLLER_MODE"}}
    report = read(device(action), **TWO_BATTERIES)
    assert reported(report) == [
        ("/devices/0/sensor_actions/0/measurands/soc", "SOC, which controller m, pv sun, node grid cannot tell")
    ]
    assert only(read(device(CAPACITY, STATE, circuit="yard"), **TWO_BATTERIES)).entities[:2] == (
        (EntityKind.BESS, "s"),
        (EntityKind.CONTROLLER, "m"),
    )


def test_a_power_state_under_a_power_sources_action_is_not_the_controllers() -> None:
    state = {"sensor_action": "UPDATE_POWER_SOURCE_STATE", "measurands": {"DEVICE_POWER_STATE": "DEVICE_POWER_STATE"}}
    controller = only(read(device(CAPACITY, state, asset={"controller": "m"})))
    assert controller.type is DeviceType.MICROGRID_CONTROLLER
    simulation = Simulation(microgrid())
    observer = Observer(simulation.depot, [controller], PROFILE, 7)
    simulation.command(SetBess(bess="s", power_state=PowerState.STARTING))
    assert observer.read(simulation.world, 0, 0, 2).value == "STARTING"
    assert observer.beats(simulation.world, 0, 0) == 1
    of_microgrid = state | {"sensor_action": "UPDATE_MICROGRID_STATE"}
    own = Observer(simulation.depot, [only(read(device(of_microgrid)))], PROFILE, 7)
    assert own.read(simulation.world, 0, 0, 0).value == "ON"


def test_capacity_and_state_are_those_of_the_controller_in_charge_of_the_circuit() -> None:
    two = (MicrogridController(id="m", node="grid"), MicrogridController(id="n", node="yard"))
    nodes = [GRID, Node(id="yard", parent="grid", fail_safe_limit=Power(KW)), Node(id="bay", parent="yard")]
    there: dict[str, Any] = {"microgrid_controllers": two, "nodes": nodes}
    assert source(read(device(CAPACITY | {"target": "bay"}), **there)) == (EntityKind.CONTROLLER, "n")
    assert source(read(device(CAPACITY, circuit="bay"), **there)) == (EntityKind.CONTROLLER, "m")  # target: grid
    state = {"sensor_action": "UPDATE_MICROGRID_STATE", "measurands": {"mode": "CONTROLLER_MODE"}}
    assert reported(read(device(state), **there)) == [
        ("/devices/0/sensor_actions/0", "2 microgrid controllers in the managed scope")
    ]


def test_without_a_controller_a_circuits_own_meter_tells_its_capacity() -> None:
    report = read(device(CAPACITY), microgrid_controllers=())
    assert report.devices[0].entities == ((EntityKind.NODE, "grid"),)
    assert reported(report) == [
        ("/devices/0/sensor_actions/0/measurands/HEARTBEAT_STATUS", "HEARTBEAT_STATUS, which node grid cannot tell")
    ]


# What is reported


@pytest.mark.parametrize(
    ("row", "pointer", "found"),
    [
        (device(), "/devices/0/sensor_actions", "none"),
        (device(LOAD, circuit="shed"), "/devices/0/circuit", '"shed"'),
        (device(LOAD, asset={"bess": "x"}), "/devices/0/asset", '"x"'),
        (device({"sensor_action": "BLINK"}), "/devices/0/sensor_actions/0/sensor_action", '"BLINK"'),
        (device(LOAD | {"measurands": {}}), "/devices/0/sensor_actions/0/measurands", "none"),
        (
            device(LOAD | {"measurands": {"a/b": "ACTIV_POWER"}}),
            "/devices/0/sensor_actions/0/measurands/a~1b",
            '"ACTIV_POWER"',
        ),
        (
            device(STATE, asset={"charger": "c1"}),
            "/devices/0/sensor_actions/0/measurands/soc",
            "SOC, which charger c1 cannot tell",
        ),
        (
            device(LOAD, LOAD | {"measurands": {"P": "SOC"}}),
            "/devices/0/sensor_actions/1/measurands/P",
            '"P" for a second measurand',
        ),
    ],
)
def test_a_row_that_cannot_be_mapped_is_reported_with_its_place(row: dict[str, Any], pointer: str, found: str) -> None:
    report = read(row)
    assert reported(report) == [(pointer, found)]
    assert report.unmapped[0].expected


def test_a_near_name_is_suggested_and_the_other_rows_are_used() -> None:
    report = read(device(LOAD | {"measurands": {"P": "ACTIV_POWER", "Q": "REACTIVE_POWER"}}))
    assert '"ACTIVE_POWER"' in report.unmapped[0].expected
    assert report.devices[0].keys == (BoundKey("REACTIVE_POWER", "Q"),)
    assert report.devices[0].actions == (SensorAction("UPDATE_POWER_SOURCE_LOAD", "grid", ("Q",)),)


def test_the_same_document_gives_the_same_report() -> None:
    rows = (device(STATE, LOAD, circuit="grid"), device(CAPACITY) | {"device_id": "e"})
    assert read(*rows, **TWO_BATTERIES) == read(*rows, **TWO_BATTERIES)


# What is refused


@pytest.mark.parametrize(
    ("raw", "pointers"),
    [
        ([], [""]),
        ({}, ["/devices"]),
        ({"devices": [{}]}, ["/devices/0/device_id"]),
        ({"devices": [{"device_id": " "}]}, ["/devices/0/device_id"]),
        ({"devices": [{"device_id": "d", "sensor_action": "x"}]}, ["/devices/0/sensor_action"]),
        ({"devices": [{"device_id": "d"}, {"device_id": "d"}]}, ["/devices/1/device_id"]),
        ({"devices": [{"device_id": "d", "asset": {}}]}, ["/devices/0/asset"]),
        ({"devices": [{"device_id": "d", "asset": {"bess": "s", "pv": "sun"}}]}, ["/devices/0/asset"]),
        (
            {"devices": [{"device_id": "d", "endpoint": "gw", "cadence": "1 ms"}]},
            ["/devices/0/endpoint", "/devices/0/cadence"],
        ),
        ({"devices": [], "gateway": {"output_translation": {"a/b": {}}}}, ["/gateway/output_translation/a~1b"]),
        ({"devices": [], "gateway": {"site_model_name": 7}}, ["/gateway/site_model_name"]),
    ],
)
def test_faults_of_shape_are_refused_all_at_once(raw: object, pointers: list[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_binding(raw, microgrid(), "site", PROFILE)
    assert [fault.pointer for fault in refused.value.faults] == pointers
