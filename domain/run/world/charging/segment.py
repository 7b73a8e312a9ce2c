"""One connector through one stretch of time: bands crossed at exact moments, ramp by the second, stop at the target."""

from __future__ import annotations

from typing import NamedTuple

from depot_sim.domain.kernel.quantities import MS_PER_SECOND, PPM
from depot_sim.domain.run.world.depot import ConnectorSpec, VehicleSpec
from depot_sim.domain.run.world.state import NEVER, ConnectorState, VehicleState


class Line(NamedTuple):
    """Where a connector stands at the end of a stretch. `done_at` is when the battery reached its target, or NEVER."""

    power_w: int
    auxiliary_w: int
    energy_mj: int
    battery_mj: int
    done_at: int = NEVER


def battery_gain_mj(energy_mj: int, efficiency_ppm: int) -> int:
    return energy_mj * efficiency_ppm // PPM


def plugged_battery_mj(spec: ConnectorSpec, connector: ConnectorState, vehicle: VehicleState, at: int) -> int:
    """Stored energy of the plugged vehicle; both its records hold from the same moment on while power flows."""
    if connector.power_w == 0:
        return vehicle.battery_mj
    into_battery = (connector.power_w - connector.auxiliary_w) * (at - connector.since)
    return vehicle.battery_mj + battery_gain_mj(into_battery, spec.spec.efficiency)


def target_mj(spec: VehicleSpec, vehicle: VehicleState) -> int:
    return spec.type.battery * vehicle.target_ppm // PPM


def auxiliary_demand_w(spec: VehicleSpec, vehicle: VehicleState) -> int:
    return int(spec.type.precondition_power) if vehicle.preconditioning else 0


def ceiling_w(spec: ConnectorSpec, connector: ConnectorState) -> int:
    """What charger, cable and the platform's limit let through."""
    return spec.rating_w if connector.limit_w is None else min(spec.rating_w, connector.limit_w)


def demand_w(
    spec: ConnectorSpec, bus: VehicleSpec, connector: ConnectorState, vehicle: VehicleState, battery_mj: int
) -> int:
    """The most this connector may draw from here on: what the allocation has to reserve for the tick."""
    auxiliary = auxiliary_demand_w(bus, vehicle)
    if battery_mj >= target_mj(bus, vehicle):
        return min(ceiling_w(spec, connector), auxiliary)
    return min(ceiling_w(spec, connector), bus.curve.peak_w[bus.curve.band(battery_mj)] + auxiliary)


def power_w(
    spec: ConnectorSpec, bus: VehicleSpec, connector: ConnectorState, vehicle: VehicleState, battery_mj: int
) -> int:
    """What this connector draws now when nobody holds it back."""
    auxiliary = auxiliary_demand_w(bus, vehicle)
    full = battery_mj >= target_mj(bus, vehicle)
    into_battery = 0 if full else bus.curve.power_w[bus.curve.band(battery_mj)]
    return min(ceiling_w(spec, connector), auxiliary + into_battery)


def bends_at(spec: ConnectorSpec, bus: VehicleSpec, connector: ConnectorState, vehicle: VehicleState) -> int:
    """When the present line bends by itself because a band or the target is reached; a bus that came full is done."""
    if vehicle.battery_mj >= target_mj(bus, vehicle) and not auxiliary_demand_w(bus, vehicle):
        return connector.energised_at
    rate = (connector.power_w - connector.auxiliary_w) * spec.spec.efficiency
    if rate <= 0:
        return NEVER
    end = min(bus.curve.ends_mj[bus.curve.band(vehicle.battery_mj)], target_mj(bus, vehicle))
    return connector.since - (vehicle.battery_mj - end) * PPM // rate


def charge(
    spec: ConnectorSpec,
    bus: VehicleSpec,
    connector: ConnectorState,
    vehicle: VehicleState,
    cap_w: int,
    begin: int,
    until: int,
) -> Line:
    """Carry the connector from `begin` to `until` under an allocation of `cap_w`. Changes nothing."""
    energy = connector.energy_at(begin)
    battery = plugged_battery_mj(spec, connector, vehicle, begin)
    power = connector.power_w
    target, auxiliary = target_mj(bus, vehicle), auxiliary_demand_w(bus, vehicle)
    most = min(cap_w, ceiling_w(spec, connector))
    ramp, efficiency, curve = spec.spec.ramp_up, spec.spec.efficiency, bus.curve
    t = max(begin, connector.energised_at)
    if t >= until:
        return Line(0, 0, energy, battery)
    while True:
        full = battery >= target
        if full and auxiliary == 0:
            return Line(0, 0, energy, battery, t)
        band = curve.band(battery)
        wanted = min(most, auxiliary + (0 if full else curve.power_w[band]))
        since_energised = (t - connector.energised_at) % MS_PER_SECOND
        if since_energised == 0:
            power += ramp
        power = min(wanted, power)
        into_auxiliary = min(auxiliary, power)
        rate = (power - into_auxiliary) * efficiency
        stretch = until - t
        if power < wanted:
            stretch = min(stretch, MS_PER_SECOND - since_energised)
        if rate > 0:
            stretch = min(stretch, -((battery - min(curve.ends_mj[band], target)) * PPM // rate))
        energy += power * stretch
        battery += battery_gain_mj((power - into_auxiliary) * stretch, efficiency)
        t += stretch
        if t >= until:
            return Line(power, into_auxiliary, energy, battery)
