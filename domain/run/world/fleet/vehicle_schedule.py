"""What vehicles do by their own schedule: come in, find a plug, prepare, leave."""

from __future__ import annotations

from depot_sim.domain.kernel.quantities import MS_PER_MINUTE
from depot_sim.domain.run.events import (
    DutyMissed,
    PreconditioningStarted,
    StopReason,
    VehicleArrived,
    VehicleDeparted,
    VehicleDepartureHeld,
    VehiclePluggedIn,
    VehicleUnplugged,
)
from depot_sim.domain.run.world.fleet import plugs
from depot_sim.domain.run.world.fleet.readiness import required_mj
from depot_sim.domain.run.world.fleet.timetable import Departure, next_departure
from depot_sim.domain.run.world.profiles import plug_in_delay
from depot_sim.domain.run.world.state import NEVER, NOBODY, Presence
from depot_sim.domain.run.world.tick_context import TickContext

MAX_HOLD = 60 * MS_PER_MINUTE


def act(stage: TickContext, vehicle: int, at: int) -> None:
    """Whatever the vehicle's schedule says for this moment."""
    state = stage.world.vehicles[vehicle]
    if state.presence is Presence.AWAY:
        arrive(stage, vehicle, at, state.battery_mj - state.duty_energy_mj)
        return
    if state.departs_at <= at:
        leave_or_hold(stage, vehicle, at)
    if state.presence is Presence.PARKED and state.plug_in_at <= at:
        find_a_plug(stage, vehicle, at)
    elif state.precondition_at <= at == stage.begin and state.presence is Presence.PLUGGED:
        precondition(stage, vehicle, at)


def arrive(stage: TickContext, vehicle: int, at: int, battery: int) -> None:
    """Come in with `battery` (mJ); below zero it has run empty on the way."""
    spec = stage.depot.vehicles[vehicle]
    delay = spec.vehicle.plug_in_delay
    wait = plug_in_delay(stage.depot.calendar.ms_of_day(at)) if delay is None else delay
    coming = _next_duty(stage, vehicle, at)
    stage.emit(
        VehicleArrived(
            at=at,
            vehicle=spec.vehicle.id,
            battery_mj=max(0, battery),
            plug_in_at=at + wait,
            duty=NOBODY if coming is None else coming.duty,
            duty_day=0 if coming is None else coming.day,
            departs_at=-1 if coming is None else coming.departs_at,
            shortfall_mj=max(0, -battery),
        )
    )


def find_a_plug(stage: TickContext, vehicle: int, at: int) -> None:
    """Plug in where there is a place; make room by moving a bus that is done."""
    connector = plugs.choose(stage, vehicle)
    if connector is not None:
        _take(stage, vehicle, connector, at)


def swap(stage: TickContext, connector: int, at: int) -> None:
    """Move the bus that waits on a charger out of order to another connector, if its time has come and there is one."""
    if plugs.swap_at(stage, connector) > at:
        return
    vehicle = stage.world.connectors[connector].vehicle
    other = plugs.elsewhere(stage, vehicle)
    if other is not None:
        unplug(stage, vehicle, at)
        _take(stage, vehicle, other, at)


def _take(stage: TickContext, vehicle: int, connector: int, at: int) -> None:
    done = stage.world.connectors[connector].vehicle
    if done != NOBODY:
        unplug(stage, done, at)
    plug_in(stage, vehicle, connector, at)


def plug_in(stage: TickContext, vehicle: int, connector: int, at: int) -> None:
    spec = stage.depot.connectors[connector]
    state = stage.world.vehicles[vehicle]
    id = stage.depot.vehicles[vehicle].vehicle.id
    stage.emit(VehiclePluggedIn(at, id, spec.id, stage.world.sessions + 1, state.battery_mj))
    if spec.automatic and stage.trouble(connector) is None:
        stage.start_charging(connector, at)


def unplug(stage: TickContext, vehicle: int, at: int) -> None:
    connector = stage.world.vehicles[vehicle].connector
    if stage.world.connectors[connector].charging:
        stage.stop_charging(connector, at, StopReason.UNPLUGGED)
    state, plug = stage.world.vehicles[vehicle], stage.world.connectors[connector]
    id = stage.depot.vehicles[vehicle].vehicle.id
    session_energy = plug.session_energy_mj
    stage.emit(
        VehicleUnplugged(at, id, stage.depot.connectors[connector].id, plug.session, state.battery_mj, session_energy)
    )


def precondition(stage: TickContext, vehicle: int, at: int) -> None:
    """Warm the cabin from the plug; begins with a tick, so that the tick's lines stay straight."""
    stage.emit(PreconditioningStarted(at, stage.depot.vehicles[vehicle].vehicle.id))
    connector = stage.world.vehicles[vehicle].connector
    plug = stage.world.connectors[connector]
    stage.touched.add(connector)
    if plug.stop_reason == StopReason.TARGET_REACHED.value and stage.trouble(connector) is None:
        stage.start_charging(connector, at)


def leave_or_hold(stage: TickContext, vehicle: int, at: int) -> None:
    """Go when the battery reaches for the duty; otherwise wait on the plug, but not for ever."""
    state = stage.world.vehicles[vehicle]
    battery, required = stage.battery_mj(vehicle, at), required_mj(stage.depot, stage.world, vehicle)
    if battery >= required or at - state.held_since >= MAX_HOLD:
        depart(stage, vehicle, at)
    elif state.held_since == NEVER:
        stage.emit(VehicleDepartureHeld(at, stage.depot.vehicles[vehicle].vehicle.id, battery, required))


def depart(stage: TickContext, vehicle: int, at: int) -> None:
    """Leave for the next duty."""
    if stage.world.vehicles[vehicle].presence is Presence.PLUGGED:
        unplug(stage, vehicle, at)
    state, spec = stage.world.vehicles[vehicle], stage.depot.vehicles[vehicle]
    duty = spec.vehicle.duties[state.duty]
    length = max(1, duty.returns.ms - duty.departs.ms)
    scheduled = stage.depot.scheduled_departure(vehicle, state.duty, state.duty_day)
    energy = stage.depot.duty_energy_mj(vehicle, duty, at)
    returns_at = at + length + _late_return(stage, vehicle)
    stage.emit(
        VehicleDeparted(
            at=at,
            vehicle=spec.vehicle.id,
            duty=state.duty,
            returns_at=returns_at,
            energy_mj=energy,
            battery_mj=state.battery_mj,
            late_ms=max(0, at - scheduled),
        )
    )


def _late_return(stage: TickContext, vehicle: int) -> int:
    """A seeded delay of this return, drawn for the duty and its day, whatever the tick."""
    late = stage.depot.late_returns
    if late is None:
        return 0
    state = stage.world.vehicles[vehicle]
    stream = f"late/{stage.depot.vehicles[vehicle].vehicle.id}/{state.duty}"
    if not stage.noise.happens(stream, 2 * state.duty_day, late.probability):
        return 0
    return stage.noise.lognormal(stream, 2 * state.duty_day + 1, late.median, late.p95)


def _next_duty(stage: TickContext, vehicle: int, at: int) -> Departure | None:
    """The next duty that is not over yet; those missed meanwhile are recorded."""
    state, spec = stage.world.vehicles[vehicle], stage.depot.vehicles[vehicle]
    if state.duty == NOBODY:
        return None
    after = stage.depot.scheduled_departure(vehicle, state.duty, state.duty_day), state.duty
    while True:
        coming = next_departure(spec.vehicle.duties, stage.depot.calendar, after)
        if coming is None or coming.returns_at > at:
            return coming
        stage.emit(DutyMissed(at, spec.vehicle.id, coming.duty, coming.day))
        after = coming.departs_at, coming.duty
