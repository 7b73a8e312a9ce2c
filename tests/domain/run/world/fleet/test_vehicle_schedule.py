"""What vehicles do by their own schedule."""

from __future__ import annotations

from typing import Any

import pytest

from depot_sim.domain.configuration.document import Connector, Duty, TemperatureStep, Vehicle, Weather, Weekday
from depot_sim.domain.kernel.quantities import ClockTime, Distance, Duration, Share, Temperature
from depot_sim.domain.run.events import (
    ChargingStarted,
    ChargingStopped,
    DutyMissed,
    PreconditioningStarted,
    StopReason,
    VehicleArrived,
    VehicleDeparted,
    VehicleDepartureHeld,
    VehiclePluggedIn,
    VehicleUnplugged,
)
from depot_sim.domain.run.world.fleet.vehicle_schedule import MAX_HOLD
from depot_sim.domain.run.world.state import Presence
from tests.domain.run.world.depots import (
    DAY,
    HOUR,
    KWH,
    MINUTE,
    SECOND,
    Simulation,
    bus_type,
    charger,
    document,
    duty,
    vehicle,
)

COLD = Weather(ambient=(TemperatureStep(ClockTime("00:00"), Temperature(-5_000)),))


def percent(share: int) -> Share:
    return Share(share * 10_000)


def yard(*vehicles: Vehicle, chargers: int = 1, **parts: Any) -> Simulation:
    """Starts on Monday at noon."""
    return Simulation(
        document(vehicles=vehicles, chargers=tuple(charger(f"c{i + 1}") for i in range(chargers)), **parts)
    )


def happened(simulation: Simulation, *kinds: type[Any]) -> list[tuple[str, int]]:
    return [(event.vehicle, event.at) for event in simulation.of(*kinds)]


# A day


def test_a_bus_charges_leaves_drives_comes_back_and_charges_again() -> None:
    simulation = yard(vehicle(duties=(duty("16:00", "22:00", 200),)))
    simulation.advance(11 * HOUR)
    assert [type(event) for event in simulation.events if hasattr(event, "vehicle")] == [
        VehiclePluggedIn,
        ChargingStarted,
        ChargingStopped,
        VehicleUnplugged,
        VehicleDeparted,
        VehicleArrived,
        VehiclePluggedIn,
        ChargingStarted,
    ]
    (departed,), (arrived,) = simulation.of(VehicleDeparted), simulation.of(VehicleArrived)
    assert (departed.at, departed.late_ms, departed.returns_at) == (4 * HOUR, 0, 10 * HOUR)
    assert departed.battery_mj >= 400 * KWH
    assert arrived.battery_mj == departed.battery_mj - 200 * KWH
    assert arrived.departs_at == DAY + 4 * HOUR


def test_driving_takes_distance_times_consumption_and_climate_control_for_the_time_away() -> None:
    hundred_km = Distance(100 * 1_000_000)
    work = Duty(id="d", departs=ClockTime("13:00"), returns=ClockTime("16:00"), distance=hundred_km)
    kind = bus_type(climate_control=True)
    simulation = yard(vehicle(duties=(work,)), vehicle_types=(kind,), weather=COLD)
    simulation.advance(2 * HOUR)
    (departed,) = simulation.of(VehicleDeparted)
    assert departed.energy_mj == 120 * KWH + 3 * 4_850 * HOUR  # 1.2 kWh/km; 4.85 kW at -5 °C, between 3 and 6.7


@pytest.mark.parametrize(("returns", "minutes"), [("08:00", 5), ("13:00", 15), ("20:00", 30)])
def test_plugging_in_takes_its_time_by_time_of_day(returns: str, minutes: int) -> None:
    bus = vehicle(plug_in_delay=None, duties=(duty("05:00", returns),))
    simulation = yard(bus)
    simulation.advance(2 * DAY)
    plugged = {event.at for event in simulation.of(VehiclePluggedIn)}
    assert all(event.at + minutes * MINUTE in plugged for event in simulation.of(VehicleArrived))


def test_a_bus_under_way_at_the_start_has_used_its_part_of_the_duty() -> None:
    simulation = yard(vehicle(duties=(duty("06:00", "18:00", 120),)))
    simulation.advance(7 * HOUR)
    (arrived,) = simulation.of(VehicleArrived)
    assert (arrived.at, arrived.battery_mj) == (6 * HOUR, 200 * KWH - 60 * KWH)


def test_a_bus_that_runs_empty_comes_back_with_what_it_lacked() -> None:
    simulation = yard(vehicle(duties=(duty("06:00", "18:00", 1_000),)))
    simulation.advance(7 * HOUR)
    (arrived,) = simulation.of(VehicleArrived)
    assert (arrived.battery_mj, arrived.shortfall_mj) == (0, 300 * KWH)
    assert simulation.vehicle().depleted


# Plugs


def test_buses_take_the_first_free_connector_and_leave_others_own_alone() -> None:
    simulation = yard(vehicle("b1"), vehicle("b2", connector="c1/1"), vehicle("b3"), chargers=3)
    simulation.advance(MINUTE)
    assert {event.vehicle: event.connector for event in simulation.of(VehiclePluggedIn)} == {
        "b1": "c2/1",
        "b2": "c1/1",
        "b3": "c3/1",
    }


def test_a_bus_waits_for_a_plug_and_takes_it_when_it_is_free() -> None:
    simulation = yard(
        vehicle("b1", duties=(duty("14:00", "20:00", 1),)), vehicle("b2", initial_soc=percent(10)), chargers=1
    )
    simulation.advance(HOUR)
    assert simulation.vehicle("b2").presence is Presence.PARKED
    simulation.advance(2 * HOUR + 2 * MINUTE)
    assert simulation.connector().vehicle == 1


def test_a_bus_that_is_done_makes_room_for_one_that_waits() -> None:
    simulation = yard(vehicle("b1", initial_soc=percent(99)), vehicle("b2", initial_soc=percent(10)))
    simulation.advance(HOUR)
    assert simulation.connector().vehicle == 1
    assert simulation.vehicle("b1").presence is Presence.PARKED


@pytest.mark.parametrize("initial", [100, 95])
@pytest.mark.parametrize("delay", [0, 30 * SECOND])
def test_a_bus_that_came_full_makes_room_too(initial: int, delay: int) -> None:
    """Whether it was plugged in at the beginning of a tick or inside one."""
    full = vehicle("b1", initial_soc=percent(initial), target_soc=percent(95), duties=(duty("10:00", "12:01", 0),))
    hungry = vehicle("b2", initial_soc=percent(10), plug_in_delay=Duration(HOUR), duties=(duty("10:00", "12:02", 0),))
    simulation = yard(Vehicle(**{**_fields(full), "plug_in_delay": Duration(delay)}), hungry)
    simulation.advance(2 * HOUR)
    assert simulation.vehicle("b2").presence is Presence.PLUGGED
    assert [event.reason for event in simulation.of(ChargingStopped)] == [StopReason.TARGET_REACHED]


def _fields(bus: Vehicle) -> dict[str, Any]:
    return {field: getattr(bus, field) for field in bus.__struct_fields__}


def test_two_outputs_of_one_charger_serve_two_buses() -> None:
    two = charger(connectors=(Connector(id="1"), Connector(id="2")))
    simulation = Simulation(document(vehicles=(vehicle("b1"), vehicle("b2")), chargers=(two,)))
    simulation.advance(MINUTE)
    assert {event.connector for event in simulation.of(VehiclePluggedIn)} == {"c1/1", "c1/2"}


# Departure


def test_a_departure_waits_for_the_energy_the_duty_needs() -> None:
    simulation = yard(vehicle(initial_soc=percent(10), duties=(duty("13:00", "20:00", 200),)))
    simulation.advance(3 * HOUR, SECOND * 30)
    (held,), (departed,) = simulation.of(VehicleDepartureHeld), simulation.of(VehicleDeparted)
    assert (held.at, held.required_mj) == (HOUR, 200 * KWH)
    assert departed.battery_mj >= 200 * KWH
    assert 0 < departed.late_ms < MAX_HOLD
    assert simulation.world.late_departures == 1


def test_a_departure_waits_for_an_hour_at_most() -> None:
    simulation = yard(vehicle(initial_soc=percent(10), duties=(duty("13:00", "20:00", 390),)))
    simulation.advance(3 * HOUR)
    (departed,) = simulation.of(VehicleDeparted)
    assert departed.late_ms == MAX_HOLD
    assert departed.battery_mj < 390 * KWH


def test_a_bus_that_comes_in_after_its_next_departure_still_gets_its_hour_on_the_plug() -> None:
    work = (duty("13:00", "16:00", 380, id="first"), duty("16:30", "22:00", 300, id="second"))
    simulation = yard(vehicle(initial_soc=percent(100), plug_in_delay=Duration(5 * MINUTE), duties=work))
    simulation.advance(90 * MINUTE)
    battery = simulation.vehicle().battery_mj
    simulation.apply(VehicleDeparted(simulation.world.at, "b1", 0, 6 * HOUR, 380 * KWH, battery))
    simulation.advance(8 * HOUR)
    departed = simulation.of(VehicleDeparted)[-1]
    assert (departed.duty, departed.at, departed.late_ms) == (1, 7 * HOUR, 150 * MINUTE)
    assert departed.battery_mj == 20 * KWH + 150_000 * 55 * MINUTE * 95 // 100


def test_a_bus_leaves_with_its_target_even_when_the_duty_takes_more() -> None:
    simulation = yard(vehicle(target_soc=percent(60), duties=(duty("14:00", "20:00", 390),)))
    simulation.advance(3 * HOUR)
    assert happened(simulation, VehicleDeparted) == [("b1", 2 * HOUR)]


def test_a_departure_inside_a_tick_is_at_its_moment() -> None:
    simulation = yard(vehicle(duties=(duty("12:10", "12:40", 10),)))
    simulation.advance(HOUR, HOUR)
    assert happened(simulation, VehicleDeparted, VehicleArrived) == [("b1", 10 * MINUTE), ("b1", 40 * MINUTE)]
    assert simulation.connector().energy_at(HOUR) == 150_000 * 30 * MINUTE


def test_a_duty_that_ended_while_the_bus_was_away_is_missed() -> None:
    late = (duty("13:00", "15:00", 10, id="first"), duty("15:30", "16:00", 10, id="second"))
    simulation = yard(vehicle(duties=late))
    simulation.advance(90 * MINUTE)
    simulation.apply(VehicleDeparted(simulation.world.at, "b1", 0, 5 * HOUR, 0, simulation.vehicle().battery_mj))
    simulation.advance(6 * HOUR)
    assert simulation.of(DutyMissed) == [DutyMissed(5 * HOUR, "b1", 1, 0)]
    assert simulation.vehicle().departs_at == DAY + HOUR


def test_a_weekday_bus_stays_in_on_sunday() -> None:
    workdays = tuple(day for day in Weekday if day is not Weekday.SUN)
    simulation = yard(vehicle(duties=(duty("05:00", "19:00", 10, days=workdays),)))
    simulation.advance(9 * DAY, HOUR)
    weekdays = [simulation.depot.calendar.day_of(at) % 7 for _, at in happened(simulation, VehicleDeparted)]
    assert weekdays == [1, 2, 3, 4, 5, 0, 1, 2]


# Preconditioning


def cold_site(**changes: Any) -> Simulation:
    usual: dict[str, Any] = {"initial_soc": percent(98), "duties": (duty("15:00", "20:00", 100),)}
    bus = vehicle(**usual | changes)
    return yard(bus, vehicle_types=(bus_type(climate_control=True),), weather=COLD)


def test_a_cold_bus_is_warmed_from_the_plug_before_it_leaves() -> None:
    simulation = cold_site()
    simulation.advance(3 * HOUR + MINUTE)
    assert happened(simulation, PreconditioningStarted) == [("b1", 150 * MINUTE)]
    (unplugged,) = simulation.of(VehicleUnplugged)
    assert unplugged.session_energy_mj >= 20_000 * 30 * MINUTE + 8 * KWH


def test_a_mild_morning_needs_no_warming() -> None:
    simulation = yard(vehicle(duties=(duty("15:00", "20:00", 100),)), vehicle_types=(bus_type(climate_control=True),))
    simulation.advance(4 * HOUR)
    assert simulation.of(PreconditioningStarted) == []


def test_a_bus_that_plugs_in_shortly_before_its_departure_is_warmed_from_then_on() -> None:
    simulation = cold_site(
        plug_in_delay=Duration(40 * MINUTE), duties=(duty("10:00", "14:00", 1), duty("15:00", "20:00"))
    )
    simulation.advance(3 * HOUR, 7 * MINUTE)
    (plugged,), (warmed,) = simulation.of(VehiclePluggedIn), simulation.of(PreconditioningStarted)
    assert plugged.at == 2 * HOUR + 40 * MINUTE
    assert plugged.at <= warmed.at <= plugged.at + 7 * MINUTE
