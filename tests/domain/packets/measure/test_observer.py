"""How devices see the world: cadences, sensors and their faults, presence."""

from __future__ import annotations

from depot_sim.domain.configuration.document import SensorQuantity
from depot_sim.domain.kernel.quantities import Power
from depot_sim.domain.packets.devices import derived_devices
from depot_sim.domain.packets.measure.observer import SPREAD_FROM, Observer, Reading
from depot_sim.domain.packets.vocabulary import Quality
from depot_sim.domain.run.commands import (
    ClearSensorFault,
    Command,
    FaultSensor,
    ForceSensorValue,
    RestartController,
    SetAvailability,
    SetNodeLimit,
    SetSensorAvailability,
)
from depot_sim.domain.run.world.state import SensorMode
from tests.domain.packets.depots import PROFILE, Watch, microgrid, sensor
from tests.domain.run.world.depots import KW, MINUTE, SECOND, Simulation, charger

MISSING = Reading(None, Quality.MISSING)


def due(watch: Watch, device: str, after: int, upto: int) -> set[str]:
    keys = watch.keys(device)
    return {keys[place] for place in watch.observer.keys_due(watch.place(device), after * SECOND, upto * SECOND)}


# Cadences


def test_keys_are_due_at_every_multiple_of_their_cadence() -> None:
    watch = Watch(microgrid())
    assert due(watch, "bess-s", 0, 9) == set()
    assert due(watch, "bess-s", 9, 10) == {"ACTIVE_POWER", "REACTIVE_POWER"}
    assert "SOC" in due(watch, "bess-s", 20, 30)
    assert "ENERGY_IMPORT" not in due(watch, "bess-s", 20, 30)
    assert "ENERGY_IMPORT" in due(watch, "bess-s", 30, 60)
    assert due(watch, "bess-s", 60, 60) == set()


def test_a_long_tick_makes_a_key_due_once() -> None:
    watch = Watch(microgrid())
    places = watch.observer.keys_due(watch.place("bess-s"), 0, 3 * 3_600 * SECOND)
    assert len(places) == len(set(places))
    assert "SOH" in due(watch, "bess-s", 0, 3 * 3_600)


def test_keys_that_are_sent_on_change_only_are_never_due() -> None:
    watch = Watch(microgrid())
    assert "ALARM_CODES" not in due(watch, "bess-s", 0, 86_400)


def test_many_devices_do_not_all_report_at_once() -> None:
    site = microgrid(chargers=tuple(charger(f"c{i}", node="yard") for i in range(100)))
    watch = Watch(site)
    assert len(watch.devices) >= SPREAD_FROM
    reporting = [
        sum(bool(watch.observer.keys_due(place, at * SECOND, (at + 1) * SECOND)) for place in range(len(watch.devices)))
        for at in range(10)
    ]
    assert sum(reporting) >= 100
    assert max(reporting) < 30


def test_a_device_with_a_cadence_of_its_own_reports_all_its_keys_at_that() -> None:
    document = microgrid()
    simulation = Simulation(document)
    devices = [device for device in derived_devices(document, "site", PROFILE) if device.id == "bess-s"]
    own = type(devices[0])(
        devices[0].id, devices[0].type, devices[0].node, devices[0].entities, devices[0].keys, cadence_ms=5 * SECOND
    )
    observer = Observer(simulation.depot, [own], PROFILE, 7)
    scheduled = [place for place, bound in enumerate(own.keys) if PROFILE.measurands[bound.measurand].cadence_ms]
    assert observer.keys_due(0, 0, 4 * SECOND) == ()
    assert list(observer.keys_due(0, 4 * SECOND, 5 * SECOND)) == scheduled


# Sensors


def metered(*commands: Command) -> Watch:
    """The grid's power is read by a sensor every 30 s; two minutes have passed when the commands come."""
    watch = Watch(microgrid(sensor("x", node="grid")))
    watch.simulation.advance(2 * MINUTE, 15 * SECOND)
    for command in commands:
        watch.simulation.command(command)
    return watch


def test_where_there_is_a_sensor_its_last_reading_is_what_is_sent() -> None:
    watch = metered(SetNodeLimit(node="grid", limit=Power(50 * KW)))
    before = watch.reading("node-grid", "ACTIVE_POWER")
    watch.simulation.advance(2 * MINUTE + 15 * SECOND, 15 * SECOND)
    assert watch.reading("node-grid", "ACTIVE_POWER") == before == Reading(before.value, Quality.OK, 2 * MINUTE)
    assert watch.simulation.node().load_w != before.value
    watch.simulation.advance(2 * MINUTE + 30 * SECOND, 15 * SECOND)
    shown = watch.reading("node-grid", "ACTIVE_POWER")
    assert (shown.value, shown.at) == (watch.simulation.node().load_w, 2 * MINUTE + 30 * SECOND)


def test_before_its_first_reading_a_sensor_has_nothing_to_say() -> None:
    watch = Watch(microgrid(sensor("x", node="grid")))
    assert watch.reading("node-grid", "ACTIVE_POWER") == MISSING
    assert watch.reading("node-grid", "ENERGY_IMPORT") == Reading(0)


def test_a_stuck_sensor_repeats_itself_and_does_not_know() -> None:
    watch = metered(FaultSensor(sensor="x", mode=SensorMode.STUCK), SetNodeLimit(node="grid", limit=Power(50 * KW)))
    before = watch.value("node-grid", "ACTIVE_POWER")
    watch.simulation.advance(5 * MINUTE)
    assert watch.simulation.node().load_w != before
    assert watch.reading("node-grid", "ACTIVE_POWER") == Reading(before, Quality.OK, 5 * MINUTE)


def test_an_offline_sensor_has_no_value_and_neither_have_its_phases() -> None:
    watch = metered(FaultSensor(sensor="x", mode=SensorMode.OFFLINE))
    for key in ("ACTIVE_POWER", "ACTIVE_POWER_L2", "CURRENT_L3", "VOLTAGE_L1N", "POWER_FACTOR"):
        assert watch.reading("node-grid", key) == MISSING
    assert watch.value("node-grid", "ALARM_CODES") == ("SENSOR_OFFLINE",)
    watch.simulation.command(ClearSensorFault(sensor="x"))
    assert watch.reading("node-grid", "ACTIVE_POWER").at == 2 * MINUTE


def test_a_forced_value_shows() -> None:
    watch = metered(ForceSensorValue(sensor="x", value="123 kW"))
    watch.simulation.advance(3 * MINUTE)
    assert watch.value("node-grid", "ACTIVE_POWER") == 123 * KW
    assert sum(watch.number("node-grid", f"ACTIVE_POWER_L{phase}") for phase in (1, 2, 3)) == 123 * KW


def test_a_sensor_of_the_sun_counts_generation_while_active_power_goes_out() -> None:
    watch = Watch(microgrid(sensor("x", pv="sun")))
    watch.simulation.advance(MINUTE)
    assert watch.value("pv-sun", "PV_POWER") == 50 * KW
    assert watch.value("pv-sun", "ACTIVE_POWER") == -50 * KW


def test_every_quantity_a_sensor_can_have_is_read_from_it() -> None:
    soc, energy, air = SensorQuantity.SOC, SensorQuantity.ENERGY_IMPORT, SensorQuantity.AMBIENT_TEMPERATURE
    watch = Watch(
        microgrid(sensor("a", soc, bess="s"), sensor("b", energy, charger="c1"), sensor("c", air), vehicles=())
    )
    for id, value in (("a", "77 %"), ("b", "5 kWh"), ("c", "-3 °C")):
        watch.simulation.command(ForceSensorValue(sensor=id, value=value))
    watch.simulation.advance(MINUTE)
    assert watch.value("bess-s", "SOC") == 770_000
    assert watch.value("charger-c1", "ENERGY_IMPORT") == 18_000_000_000
    assert watch.value("weather", "AMBIENT_TEMPERATURE") == -3_000


# Presence and heartbeats


def test_a_charger_out_of_service_is_not_there() -> None:
    watch = Watch(microgrid())
    world, place = watch.simulation.world, watch.place("charger-c1")
    assert watch.observer.present(world, place)
    watch.simulation.command(SetAvailability(target="c1", available=False))
    assert not watch.observer.present(world, place)


def test_a_meter_is_not_there_when_all_its_sensors_are_out_of_service() -> None:
    energy = SensorQuantity.ENERGY_IMPORT
    watch = Watch(microgrid(sensor("x", node="grid"), sensor("y", energy, node="grid"), sensor("z", bess="s")))
    world, simulation = watch.simulation.world, watch.simulation
    for id in ("x", "y", "z"):
        assert watch.observer.present(world, watch.place("node-grid"))
        simulation.command(SetSensorAvailability(sensor=id, available=False))
        if id == "x":
            assert watch.reading("node-grid", "ACTIVE_POWER") == MISSING
        if id == "y":
            break
    assert not watch.observer.present(world, watch.place("node-grid"))
    simulation.command(SetSensorAvailability(sensor="z", available=False))
    assert watch.observer.present(world, watch.place("bess-s"))


def test_heartbeats_are_counted_for_controllers_only() -> None:
    watch = Watch(microgrid())
    watch.simulation.advance(61 * SECOND)
    world, place = watch.simulation.world, watch.place("controller-m")
    assert watch.observer.beats(world, world.at, place) == 3
    assert watch.observer.beats(world, world.at, watch.place("bess-s")) is None
    watch.simulation.command(RestartController(controller="m"))
    assert watch.observer.beats(world, world.at, place) == 0
