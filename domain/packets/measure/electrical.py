"""What a three-phase meter shows: power by phase, reactive power, voltages, currents, frequency.

All of it follows from active power, a rating and seeded noise: 230 V less 2 % at full load, and a fixed imbalance of
at most 2 % between the phases of one meter.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt

from depot_sim.domain.configuration.document import SensorQuantity
from depot_sim.domain.kernel.noise import SIGMA
from depot_sim.domain.kernel.quantities import PPM
from depot_sim.domain.packets.device import EntityKind
from depot_sim.domain.packets.measure.entity import Entity
from depot_sim.domain.run.world.sensing.readings import power_factor_ppm
from depot_sim.domain.run.world.state import World

NOMINAL_MV = 230_000
NOMINAL_MHZ = 50_000
DROP_PPM = 20_000  # of the nominal voltage, at full load
IMBALANCE_PPM = 20_000  # of a phase's third
VOLTAGE_SIGMA_MV = 300
FREQUENCY_SIGMA_MHZ = 10
SQRT_3_PPM = 1_732_051
PHASES = ("L1", "L2", "L3")

Read = Callable[[Entity, World, int], int]


def is_dark(entity: Entity, world: World) -> bool:
    """Whether it is without power: an outage at its node or above."""
    for node in entity.path:  # noqa: SIM110 - read for every charger at every look, and four times as fast
        if world.nodes[node].outage:
            return True
    return False


def power_w(entity: Entity, world: World, _at: int = 0) -> int:
    """Import is positive; as its meter shows it where it has one."""
    meter = entity.sensors.get(SensorQuantity.ACTIVE_POWER)
    if meter is not None:
        shown = world.sensors[meter].value
        return -shown if entity.kind is EntityKind.PV else shown
    match entity.kind:
        case EntityKind.NODE:
            return world.nodes[entity.index].load_w
        case EntityKind.CHARGER:
            total = 0
            for connector in entity.parts:  # as is_dark, read more often than anything else
                total += world.connectors[connector].power_w
            return total
        case EntityKind.BESS:
            return world.bess[entity.index].power_w
    return -world.pv[entity.index].power_w


def phase_power_w(phase: int) -> Read:
    """Power of one phase; the three add up exactly."""

    def read(entity: Entity, world: World, at: int) -> int:
        total = power_w(entity, world, at)
        if phase < 2:
            return total * _share_ppm(entity, phase) // PPM
        return total - total * _share_ppm(entity, 0) // PPM - total * _share_ppm(entity, 1) // PPM

    return read


def reactive_var(entity: Entity, world: World, at: int) -> int:
    """tan(acos(pf)) of the active power, inductive."""
    factor = _factor_ppm(entity, world)
    return abs(power_w(entity, world, at)) * isqrt(PPM**2 - factor**2) // factor


def signed_power_factor_ppm(entity: Entity, world: World, at: int) -> int:
    """Below zero while exporting."""
    factor = _factor_ppm(entity, world)
    return -factor if power_w(entity, world, at) < 0 else factor


def phase_voltage_mv(phase: int) -> Read:
    """Between phase and neutral."""

    def read(entity: Entity, world: World, at: int) -> int:
        if is_dark(entity, world):
            return 0
        loading_ppm = max(-PPM, min(PPM, power_w(entity, world, at) * PPM // entity.rating_w))
        drop = NOMINAL_MV * DROP_PPM // PPM * loading_ppm // PPM
        noise = entity.site.noise.normal(entity.stream(f"voltage/{PHASES[phase]}"), at)
        return NOMINAL_MV - drop + noise * VOLTAGE_SIGMA_MV // SIGMA

    return read


def line_voltage_mv(phase: int, other: int) -> Read:
    """Between two phases."""
    first, second = phase_voltage_mv(phase), phase_voltage_mv(other)

    def read(entity: Entity, world: World, at: int) -> int:
        return (first(entity, world, at) + second(entity, world, at)) * SQRT_3_PPM // (2 * PPM)

    return read


def phase_current_ma(phase: int) -> Read:
    power, voltage = phase_power_w(phase), phase_voltage_mv(phase)

    def read(entity: Entity, world: World, at: int) -> int:
        volts = voltage(entity, world, at)
        if volts == 0:
            return 0
        return abs(power(entity, world, at)) * PPM**2 // (volts * _factor_ppm(entity, world))

    return read


def frequency_mhz(entity: Entity, world: World, at: int) -> int | None:
    """The whole site has one; None in an outage."""
    if is_dark(entity, world):
        return None
    return NOMINAL_MHZ + entity.site.noise.normal("frequency", at) * FREQUENCY_SIGMA_MHZ // SIGMA


def _factor_ppm(entity: Entity, world: World) -> int:
    return power_factor_ppm(abs(power_w(entity, world)), entity.rating_w)


def _share_ppm(entity: Entity, phase: int) -> int:
    third = PPM // 3
    most = third * IMBALANCE_PPM // PPM
    return third - most + entity.site.noise.uniform(entity.stream("phase"), phase, 2 * most + 1)
