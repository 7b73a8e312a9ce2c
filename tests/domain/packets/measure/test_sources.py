"""What the world tells under each source, and what holds for all of them in every world."""

from __future__ import annotations

from collections.abc import Mapping
from math import isclose

import pytest
from hypothesis import given

from depot_sim.domain.configuration.document import MicrogridController, Node
from depot_sim.domain.kernel.quantities import Duration, Power, Share, SignedPower
from depot_sim.domain.packets.contract.measurand import WorldValue
from depot_sim.domain.packets.contract.units import Dimension
from depot_sim.domain.packets.measure.entity import Site, entity_of, indexes
from depot_sim.domain.packets.measure.observer import Reading
from depot_sim.domain.packets.measure.sources import SOURCES
from depot_sim.domain.packets.vocabulary import Quality
from depot_sim.domain.run.commands import (
    ClearChargerFault,
    Command,
    FaultCharger,
    RestartController,
    SetAvailability,
    SetBess,
    SetBessStateOfCharge,
    SetControllerHeartbeats,
    SetControllerMode,
    SetExportLimit,
    SetFailSafeLimit,
    SetNodeLimit,
    SetPv,
    StartNodeOutage,
)
from depot_sim.domain.run.world.state import Control, ControllerMode, Dispatch, PowerState
from tests.domain.packets.depots import PROFILE, Watch, microgrid, with_whole_scope
from tests.domain.run.world.depots import KW, KWH, MINUTE, SECOND
from tests.domain.run.world.stories import Story, stories
from tests.domain.run.world.test_world import take

_TYPES: Mapping[Dimension, tuple[type, ...]] = {Dimension.WORD: (str,), Dimension.TEXTS: (tuple,)}
_REGISTERS = ("ENERGY_IMPORT", "ENERGY_EXPORT")


def after(*commands: Command, minutes: int = 1) -> Watch:
    """A minute after these commands."""
    watch = Watch(microgrid())
    for command in commands:
        watch.simulation.command(command)
    watch.simulation.advance(minutes * MINUTE, 15 * SECOND)
    return watch


# In every world


@given(stories(40))
def test_every_source_gives_what_it_says_it_gives(story: Story) -> None:
    watch = Watch(with_whole_scope(story.document), start=story.start, disturbances=story.disturbances)
    for step in story.steps:
        take(watch.simulation, step)
    for (device, key), value in watch.everything().items():
        source = SOURCES[key]
        assert value is None or isinstance(value, _TYPES.get(source.dimension, (int,))), (device, key)
        assert not source.words or value in source.words


@given(stories(40))
def test_the_battery_always_has_a_mode_and_registers_never_fall(story: Story) -> None:
    watch = Watch(with_whole_scope(story.document), start=story.start, disturbances=story.disturbances)
    before: dict[tuple[str, str], WorldValue] = {}
    for step in story.steps:
        take(watch.simulation, step)
        now = {at: value for at, value in watch.everything().items() if at[1] in _REGISTERS}
        assert all(_whole(now[at]) >= _whole(value) for at, value in before.items() if _is_true(watch, *at))
        before = now
    names = {row.mode for row in PROFILE.modes.rows}
    assert all(value in names for (_, key), value in watch.everything().items() if key == "BESS_OPERATIONAL_MODE")


def _whole(value: WorldValue) -> int:
    assert isinstance(value, int)
    return value


def _is_true(watch: Watch, device: str, key: str) -> bool:
    """Not what a sensor shows: one with a fault may say anything."""
    return watch.reading(device, key).at is None and watch.value(device, key) is not None


def test_every_kind_a_source_is_for_can_be_read() -> None:
    watch = Watch(microgrid())
    simulation = watch.simulation
    site = Site.of(simulation.depot, 7, PROFILE.modes)
    for source in SOURCES.values():
        for kind in source.kinds:
            for id in indexes(simulation.depot, kind):
                source.read(entity_of(site, kind, id), simulation.world, 0)


def test_two_looks_see_the_same_and_another_seed_other_noise() -> None:
    one, same, other = Watch(microgrid()), Watch(microgrid()), Watch(microgrid(), seed=8)
    assert one.everything() == same.everything()
    assert one.value("node-grid", "VOLTAGE_L1N") != other.value("node-grid", "VOLTAGE_L1N")


# Electricity


def test_power_is_import_everywhere_but_under_pv_power() -> None:
    watch = after(SetBess(bess="s", control=Control.LOCAL, setpoint=SignedPower(-20 * KW)))
    assert watch.value("charger-c1", "ACTIVE_POWER") == 120 * KW
    assert watch.value("node-yard", "ACTIVE_POWER") == 120 * KW
    assert watch.value("bess-s", "ACTIVE_POWER") == -20 * KW
    assert watch.value("pv-sun", "ACTIVE_POWER") == -50 * KW
    assert watch.value("pv-sun", "PV_POWER") == 50 * KW
    assert watch.value("node-grid", "ACTIVE_POWER") == (120 + 30 - 20 - 50) * KW


def test_phases_add_up_and_differ_a_little() -> None:
    watch = after()
    phases = [watch.number("node-yard", f"ACTIVE_POWER_L{phase}") for phase in (1, 2, 3)]
    assert sum(phases) == 120 * KW
    assert len(set(phases)) == 3
    assert all(isclose(phase, 40 * KW, rel_tol=0.05) for phase in phases)


def test_current_voltage_power_factor_and_reactive_power_belong_together() -> None:
    watch = after(SetBess(bess="s", control=Control.LOCAL))
    power, volts = watch.number("charger-c1", "ACTIVE_POWER_L1"), watch.number("charger-c1", "VOLTAGE_L1N")
    factor, amperes = watch.number("charger-c1", "POWER_FACTOR"), watch.number("charger-c1", "CURRENT_L1")
    assert factor == 990_000
    assert isclose(volts / 1_000 * amperes / 1_000 * factor / 1e6, power, rel_tol=1e-4)
    assert watch.value("bess-s", "REACTIVE_POWER") == 0
    grid_w, grid_var = watch.number("node-grid", "ACTIVE_POWER"), watch.number("node-grid", "REACTIVE_POWER")
    assert isclose(grid_var, grid_w * 0.203, rel_tol=0.01)  # tan(acos(0.98)), at half of the limit


def test_voltage_falls_with_load_and_is_nothing_in_an_outage() -> None:
    loaded, idle = after(), Watch(microgrid())
    assert loaded.number("node-yard", "VOLTAGE_L1N") < 228_000 < idle.number("node-yard", "VOLTAGE_L1N")
    between = loaded.number("node-yard", "VOLTAGE_L1L2")
    assert isclose(between, 3**0.5 * 225_400, rel_tol=0.01)
    dark = after(StartNodeOutage(node="grid"))
    assert dark.value("node-yard", "VOLTAGE_L1N") == dark.value("node-yard", "CURRENT_L1") == 0
    assert dark.reading("node-grid", "FREQUENCY") == Reading(None, Quality.MISSING)
    assert dark.reading("bess-s", "DISPATCH_SETPOINT") == Reading(None, Quality.OK)
    assert isclose(loaded.number("node-grid", "FREQUENCY"), 50_000, abs_tol=60)


def test_registers_count_both_ways() -> None:
    watch = after(SetBess(bess="s", control=Control.LOCAL, setpoint=SignedPower(-20 * KW)), minutes=60)
    assert watch.value("pv-sun", "ENERGY_EXPORT") == 50 * KWH
    assert isclose(watch.number("bess-s", "ENERGY_EXPORT"), 20 * KWH, rel_tol=0.001)
    assert watch.value("bess-s", "ENERGY_IMPORT") == 0
    assert watch.value("node-grid", "ENERGY_EXPORT") == 0
    assert watch.number("charger-c1", "ENERGY_IMPORT") == watch.number("node-yard", "ENERGY_IMPORT") > 100 * KWH


# Capacity, limits and links


def test_capacity_follows_limits_and_the_controller_speaks_for_its_node() -> None:
    watch = after()
    most = (200 - 30 + 50 + 40) * KW
    assert watch.value("node-grid", "AVAILABLE_CHARGING_CAPACITY") == most
    assert watch.value("controller-m", "AVAILABLE_CHARGING_CAPACITY") == most
    assert watch.value("node-yard", "AVAILABLE_CHARGING_CAPACITY") == 120 * KW
    watch.simulation.command(SetNodeLimit(node="grid", limit=Power(100 * KW)))
    assert watch.value("controller-m", "AVAILABLE_CHARGING_CAPACITY") == most - 100 * KW
    watch.simulation.command(SetNodeLimit(node="grid", limit=Power(10**9)))
    assert watch.value("node-yard", "AVAILABLE_CHARGING_CAPACITY") == 120 * KW
    unlimited = Watch(microgrid(nodes=[Node(id="grid"), Node(id="yard", parent="grid")]))
    assert unlimited.value("node-grid", "AVAILABLE_CHARGING_CAPACITY") is None


def test_fail_safe_capacity_is_that_of_the_nearest_node_that_has_one() -> None:
    watch = after()
    assert watch.value("node-yard", "FAIL_SAFE_CAPACITY") == watch.value("node-grid", "FAIL_SAFE_CAPACITY") == 60 * KW
    watch.simulation.command(SetFailSafeLimit(node="yard", limit=Power(15 * KW)))
    assert watch.value("node-yard", "FAIL_SAFE_CAPACITY") == 15 * KW
    nothing = Watch(microgrid(nodes=[Node(id="grid"), Node(id="yard", parent="grid")], microgrid_controllers=()))
    assert nothing.value("node-grid", "FAIL_SAFE_CAPACITY") is None


def test_the_export_limit_is_the_least_on_the_way_out_and_null_without_one() -> None:
    watch = after()
    assert watch.value("controller-m", "LIMIT_DER_EXPORT") == watch.value("pv-sun", "LIMIT_DER_EXPORT") == 80 * KW
    watch.simulation.command(SetExportLimit(node="grid", limit=Power(0)))
    assert watch.value("pv-sun", "LIMIT_DER_EXPORT") == 0
    free = Watch(microgrid(nodes=[Node(id="grid"), Node(id="yard", parent="grid")], microgrid_controllers=()))
    assert free.value("node-grid", "LIMIT_DER_EXPORT") is None


def test_the_link_is_told_of_by_everything_that_depends_on_it() -> None:
    watch = after(SetControllerHeartbeats(controller="m", beating=False), minutes=2)
    for device in ("controller-m", "node-grid", "bess-s", "pv-sun"):
        assert watch.value(device, "HEARTBEAT_STATUS") == "LOST"
        assert watch.value(device, "HEARTBEAT_COUNTER") == 1
    assert watch.value("controller-m", "ALARM_CODES") == ("HEARTBEAT_LOST",)
    watch.simulation.advance(4 * MINUTE)
    assert watch.value("node-grid", "ALARM_CODES") == ("HEARTBEAT_LOST", "FAIL_SAFE")


def test_a_meter_above_its_only_controller_tells_of_that_one() -> None:
    site = microgrid(
        nodes=[Node(id="grid"), Node(id="yard", parent="grid", fail_safe_limit=Power(KW))],
        microgrid_controllers=(MicrogridController(id="m", node="yard", grace=Duration(0)),),
    )
    watch = Watch(site)
    watch.simulation.command(RestartController(controller="m"))
    assert watch.value("node-grid", "HEARTBEAT_STATUS") == "NEVER"
    assert "HEARTBEAT_STATUS" not in watch.keys("bess-s")
    assert watch.value("bess-s", "BESS_OPERATIONAL_MODE") == "STANDBY"


def test_the_mode_of_the_site_is_its_controllers() -> None:
    watch = after(SetControllerMode(controller="m", mode=ControllerMode.BLACK_START))
    assert (
        watch.value("controller-m", "CONTROLLER_MODE") == watch.value("node-grid", "CONTROLLER_MODE") == "BLACK_START"
    )


# States


def test_dispatch_has_a_setpoint_only_while_there_is_something_to_follow() -> None:
    seen = {}
    for dispatch in Dispatch:
        watch = after(SetBess(bess="s", dispatch=dispatch, setpoint=SignedPower(-10 * KW)))
        assert watch.value("node-grid", "DISPATCH_STATE") == watch.value("controller-m", "DISPATCH_STATE")
        seen[watch.value("bess-s", "DISPATCH_STATE")] = watch.value("controller-m", "DISPATCH_SETPOINT")
    assert seen == {"NONE": None, "SCHEDULED": -10 * KW, "ACTIVE": -10 * KW, "COMPLETED": None, "REJECTED": None}
    assert watch.value("pv-sun", "DISPATCH_STATE") == "NONE"
    assert watch.value("pv-sun", "DISPATCH_SETPOINT") is None


@pytest.mark.parametrize("state", PowerState)
def test_a_power_state_is_the_devices_own(state: PowerState) -> None:
    watch = after(SetBess(bess="s", power_state=state), SetPv(pv="sun", power_state=state))
    for device in ("bess-s", "pv-sun"):
        assert watch.value(device, "DEVICE_POWER_STATE") == state.value
        faulty = ("DEVICE_FAULT",) if state is PowerState.FAULT else ()
        assert watch.value(device, "ALARM_CODES") == faulty
    most = 40 * KW if state is PowerState.ON else 0
    assert watch.value("bess-s", "BESS_MAX_CHARGE_POWER") == watch.value("bess-s", "BESS_MAX_DISCHARGE_POWER") == most


def test_a_chargers_power_state_comes_of_fault_service_and_supply() -> None:
    watch = after(FaultCharger(charger="c1", code="GroundFailure"), SetAvailability(target="c2", available=False))
    assert watch.value("charger-c1", "DEVICE_POWER_STATE") == "FAULT"
    assert watch.value("charger-c1", "ALARM_CODES") == ("GroundFailure",)
    assert watch.value("charger-c2", "DEVICE_POWER_STATE") == "OFF"
    watch.simulation.command(ClearChargerFault(charger="c1"))
    assert watch.value("charger-c1", "DEVICE_POWER_STATE") == "ON"
    watch.simulation.command(StartNodeOutage(node="grid"))
    for device in ("charger-c1", "node-grid", "controller-m"):
        assert watch.value(device, "DEVICE_POWER_STATE") == "OFF"
        assert "NO_SUPPLY" in str(watch.value(device, "ALARM_CODES"))


def test_a_breached_limit_and_a_rejected_dispatch_are_alarms() -> None:
    watch = after(
        SetBess(bess="s", control=Control.LOCAL, dispatch=Dispatch.REJECTED),
        SetPv(pv="sun", power_state=PowerState.OFF),
        SetNodeLimit(node="grid", limit=Power(10 * KW)),
        minutes=3,
    )
    assert watch.value("node-grid", "ALARM_CODES") == ("LIMIT_BREACHED",)
    assert watch.value("bess-s", "ALARM_CODES") == ("DISPATCH_REJECTED",)


def test_the_battery_tells_what_is_in_it_and_what_it_can_do() -> None:
    full = after(SetBess(bess="s", control=Control.LOCAL), SetBessStateOfCharge(bess="s", soc=Share.parse("95 %")))
    assert full.value("bess-s", "SOC") == 950_000
    assert full.value("bess-s", "ENERGY_AVAILABLE") == 340 * KWH
    assert full.value("bess-s", "BESS_MAX_CHARGE_POWER") == 0
    empty = after(SetBess(bess="s", control=Control.LOCAL), SetBessStateOfCharge(bess="s", soc=Share.parse("10 %")))
    assert empty.value("bess-s", "BESS_MAX_DISCHARGE_POWER") == empty.value("bess-s", "ENERGY_AVAILABLE") == 0
    assert empty.value("bess-s", "SOH") == 950_000


@pytest.mark.parametrize(
    ("commands", "mode"),
    [
        ([SetBess(bess="s", power_state=PowerState.STARTING)], "STARTING"),
        ([SetBess(bess="s", control=Control.LOCAL, setpoint=SignedPower(30 * KW))], "LOCAL_CHARGE"),
        ([SetBess(bess="s", dispatch=Dispatch.ACTIVE, setpoint=SignedPower(-30 * KW))], "DISPATCH_DISCHARGE"),
        ([SetBess(bess="s", dispatch=Dispatch.ACTIVE, setpoint=SignedPower(200))], "DISPATCH_HOLD"),
        ([SetBess(bess="s", dispatch=Dispatch.ACTIVE, setpoint=SignedPower(201))], "DISPATCH_CHARGE"),
        (
            [
                SetBess(bess="s", dispatch=Dispatch.ACTIVE, setpoint=SignedPower(-KW)),
                SetBessStateOfCharge(bess="s", soc=Share.parse("10 %")),
            ],
            "HOLD_EMPTY",
        ),
        ([SetBess(bess="s", dispatch=Dispatch.COMPLETED)], "AUTO_CHARGE"),
        ([SetBessStateOfCharge(bess="s", soc=Share.parse("95 %"))], "STANDBY_FULL"),
    ],
)
def test_the_mode_comes_of_what_the_battery_does(commands: list[Command], mode: str) -> None:
    watch = after(*commands)
    assert (
        watch.value("bess-s", "BESS_OPERATIONAL_MODE") == watch.value("controller-m", "BESS_OPERATIONAL_MODE") == mode
    )


def test_lost_heartbeats_show_in_the_mode_first_as_silence_then_as_fail_safe() -> None:
    watch = after(SetControllerHeartbeats(controller="m", beating=False), minutes=2)
    assert watch.value("bess-s", "BESS_OPERATIONAL_MODE") == "COMMS_LOST"
    watch.simulation.advance(4 * MINUTE)
    assert watch.value("bess-s", "BESS_OPERATIONAL_MODE") == "FAIL_SAFE"
    watch.simulation.command(RestartController(controller="m"))
    watch.simulation.command(SetControllerHeartbeats(controller="m", beating=True))
    watch.simulation.advance(5 * MINUTE)
    assert str(watch.value("bess-s", "BESS_OPERATIONAL_MODE")).startswith("AUTO_")
    watch.simulation.command(RestartController(controller="m"))
    assert watch.value("bess-s", "BESS_OPERATIONAL_MODE") == "INITIALISING"


def test_weather_is_the_depots() -> None:
    assert after().value("weather", "AMBIENT_TEMPERATURE") == 20_000


def test_the_contract_uses_every_source_but_two_more_of_its_kind() -> None:
    unused = set(SOURCES) - {measurand.source for measurand in PROFILE.measurands.values()}
    assert unused == {"VOLTAGE_L2L3", "VOLTAGE_L3L1"}
