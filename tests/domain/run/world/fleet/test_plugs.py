"""Which connector a bus takes, and when it is moved to another one."""

from __future__ import annotations

import pytest

from depot_sim.domain.configuration.document import Authorisation, Charger, Vehicle
from depot_sim.domain.kernel.quantities import Duration, Share
from depot_sim.domain.run.commands import Arrive, FaultCharger
from depot_sim.domain.run.events import ChargingStarted, VehiclePluggedIn, VehicleUnplugged
from depot_sim.domain.run.world.fleet.plugs import SWAP_AFTER
from depot_sim.domain.run.world.state import NOBODY, Presence
from tests.domain.run.world.depots import HOUR, MINUTE, Simulation, charger, document, duty, vehicle


def percent(share: int) -> Share:
    return Share(share * 10_000)


def yard(*vehicles: Vehicle, chargers: int = 1) -> Simulation:
    """Starts on Monday at noon."""
    return site(tuple(charger(f"c{i + 1}") for i in range(chargers)), *vehicles)


def site(chargers: tuple[Charger, ...], *vehicles: Vehicle) -> Simulation:
    return Simulation(document(vehicles=vehicles, chargers=chargers))


def place(simulation: Simulation, bus: str) -> str:
    """The connector at which a bus is plugged in, or where else it is."""
    state = simulation.vehicle(bus)
    return state.presence.value if state.connector == NOBODY else simulation.depot.connectors[state.connector].id


def owner() -> Vehicle:
    """Owns c1/1; away until 18:00."""
    return vehicle("owner", connector="c1/1", duties=(duty("11:00", "18:00", 10),))


# Coming in


@pytest.mark.parametrize(("leaves", "expected"), [("17:00", "c1/1"), ("18:00", "c1/1"), ("18:01", "PARKED")])
def test_a_bus_borrows_a_connector_whose_own_bus_is_not_back_before_it_leaves(leaves: str, expected: str) -> None:
    simulation = yard(owner(), vehicle("guest", duties=(duty(leaves, "23:00", 10),)))
    simulation.advance(MINUTE)
    assert place(simulation, "guest") == expected


def test_a_bus_that_stays_for_good_borrows_nothing() -> None:
    simulation = yard(owner(), vehicle("guest"))
    simulation.advance(MINUTE)
    assert place(simulation, "guest") == "PARKED"


def test_the_own_bus_finds_its_connector_free_again() -> None:
    simulation = yard(owner(), vehicle("guest", duties=(duty("17:00", "23:00", 10),)))
    simulation.advance(7 * HOUR)
    assert place(simulation, "owner") == "c1/1"


def test_a_connector_of_nobody_comes_before_one_that_is_lent() -> None:
    simulation = yard(owner(), vehicle("guest", duties=(duty("17:00", "23:00", 10),)), chargers=2)
    simulation.advance(MINUTE)
    assert place(simulation, "guest") == "c2/1"


def test_a_connector_is_not_lent_while_one_of_two_buses_that_own_it_is_due() -> None:
    early = vehicle("early", connector="c1/1", duties=(duty("11:00", "13:00", 10),))
    simulation = yard(owner(), early, vehicle("guest", duties=(duty("17:00", "23:00", 10),)))
    simulation.advance(MINUTE)
    assert place(simulation, "guest") == "PARKED"


def test_a_guest_that_is_done_makes_room_for_the_own_bus() -> None:
    simulation = yard(owner(), vehicle("guest", initial_soc=percent(99), duties=(duty("18:00", "23:00", 10),)))
    simulation.advance(HOUR)
    assert place(simulation, "guest") == "c1/1"
    simulation.command(Arrive(vehicle="owner"))
    simulation.advance(HOUR + MINUTE)
    assert (place(simulation, "owner"), place(simulation, "guest")) == ("c1/1", "PARKED")


def test_a_guest_that_still_charges_stays_and_the_own_bus_waits() -> None:
    simulation = yard(owner(), vehicle("guest", duties=(duty("18:00", "23:00", 10),)))
    simulation.advance(HOUR)
    simulation.command(Arrive(vehicle="owner"))
    simulation.advance(HOUR + MINUTE)
    assert (place(simulation, "owner"), place(simulation, "guest")) == ("PARKED", "c1/1")


def test_a_bus_whose_own_charger_is_out_of_order_takes_another_one() -> None:
    bus = vehicle(connector="c1/1", plug_in_delay=Duration(MINUTE))
    simulation = yard(bus, chargers=2)
    simulation.command(FaultCharger(charger="c1"))
    simulation.advance(2 * MINUTE)
    assert place(simulation, "b1") == "c2/1"


def test_without_another_one_it_waits_at_its_own_for_the_repair() -> None:
    simulation = yard(vehicle(connector="c1/1", plug_in_delay=Duration(MINUTE)))
    simulation.command(FaultCharger(charger="c1", duration=Duration(HOUR)))
    simulation.advance(2 * MINUTE)
    assert place(simulation, "b1") == "c1/1"
    simulation.advance(2 * HOUR)
    assert [event.at for event in simulation.of(ChargingStarted)] == [HOUR]


# Swaps


BREAKS = 5 * MINUTE


def faulted(*, chargers: int = 2, lasts: int | None = None, tick: int = MINUTE) -> Simulation:
    """A bus charges at c1/1, which breaks; ten minutes more than it takes to move a bus have passed since."""
    simulation = yard(vehicle(), chargers=chargers)
    simulation.advance(BREAKS)
    simulation.command(FaultCharger(charger="c1", duration=None if lasts is None else Duration(lasts)))
    simulation.advance(BREAKS + SWAP_AFTER + 10 * MINUTE, tick)
    return simulation


@pytest.mark.parametrize("tick", [MINUTE, 7 * MINUTE, HOUR])
def test_a_bus_on_a_charger_out_of_order_is_moved_after_a_swap_time(tick: int) -> None:
    simulation = faulted(tick=tick)
    moved = BREAKS + SWAP_AFTER
    assert [event.at for event in simulation.of(VehicleUnplugged)] == [moved]
    assert [(e.at, e.connector) for e in simulation.of(VehiclePluggedIn)] == [(0, "c1/1"), (moved, "c2/1")]
    assert simulation.connector("c2/1").energy_at(moved + 10 * MINUTE) == 150_000 * 10 * MINUTE


def test_a_fault_that_is_over_sooner_moves_nobody() -> None:
    simulation = faulted(lasts=SWAP_AFTER)
    assert simulation.of(VehicleUnplugged) == []
    assert simulation.connector().charging


def test_without_a_free_connector_the_bus_stays_and_goes_on_after_the_repair() -> None:
    simulation = faulted(chargers=1, lasts=SWAP_AFTER + MINUTE)
    assert simulation.of(VehicleUnplugged) == []
    assert simulation.connector().charging


def test_a_bus_that_waits_for_a_swap_takes_the_first_connector_that_comes_free() -> None:
    simulation = yard(vehicle("b1"), vehicle("b2", duties=(duty("13:00", "20:00", 10),)), chargers=2)
    simulation.advance(MINUTE)
    simulation.command(FaultCharger(charger="c1"))
    simulation.advance(2 * HOUR)
    assert [(e.at, e.vehicle) for e in simulation.of(VehicleUnplugged)] == [(HOUR, "b2"), (HOUR + MINUTE, "b1")]
    assert place(simulation, "b1") == "c2/1"


def test_a_bus_that_is_full_or_waits_for_the_platform_stays_where_it_is() -> None:
    remote = charger("c1", authorisation=Authorisation.REMOTE)
    waiting = site((remote, charger("c2")), vehicle())
    full = yard(vehicle(initial_soc=percent(100)), chargers=2)
    for simulation in (waiting, full):
        simulation.advance(MINUTE)
        simulation.command(FaultCharger(charger="c1"))
        simulation.advance(HOUR)
        assert place(simulation, "b1") == "c1/1"
        assert simulation.vehicle().presence is Presence.PLUGGED
