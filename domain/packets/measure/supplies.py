"""Limits, capacity, storage, generation, registers and weather, in base units."""

from __future__ import annotations

from depot_sim.domain.configuration.document import SensorQuantity
from depot_sim.domain.kernel.quantities import MS_PER_MINUTE, PPM
from depot_sim.domain.packets.device import EntityKind
from depot_sim.domain.packets.measure.electrical import is_dark
from depot_sim.domain.packets.measure.entity import Entity
from depot_sim.domain.run.world.charging.limits import export_limit_w, fail_safe_limit_w
from depot_sim.domain.run.world.sensing.registers import bess_exported_mj, pv_generated_mj
from depot_sim.domain.run.world.state import PowerState, World

STATE_OF_HEALTH_PPM = 950_000
"""The world's batteries do not age; this is a mid-life one."""
_HELD_FOR = MS_PER_MINUTE
"""For so long (ms) a battery has to keep up the power it is said to be able to."""


def available_capacity_w(entity: Entity, world: World, _at: int) -> int | None:
    return entity.site.room.of(world, entity.index)


def fail_safe_w(entity: Entity, world: World, _at: int) -> int | None:
    """The node's own, else that of the nearest node above it; None when there is none."""
    for node in reversed(entity.path):
        limit = fail_safe_limit_w(entity.site.depot, world, node)
        if limit is not None:
            return limit
    return None


def least_export_limit_w(entity: Entity, world: World, _at: int) -> int | None:
    """The least on the way to the grid; None is unlimited."""
    least = None
    for node in entity.path:
        limit = export_limit_w(entity.site.depot, world, node)
        if limit is not None and (least is None or limit < least):
            least = limit
    return least


def state_of_charge_ppm(entity: Entity, world: World, _at: int) -> int:
    shown = _shown(entity, world, SensorQuantity.SOC)
    if shown is not None:
        return shown
    return world.bess[entity.index].stored_mj * PPM // entity.site.depot.bess[entity.index].capacity


def state_of_health_ppm(_entity: Entity, _world: World, _at: int) -> int:
    return STATE_OF_HEALTH_PPM


def energy_available_mj(entity: Entity, world: World, _at: int) -> int:
    """Above the lower bound of use."""
    spec = entity.site.depot.bess[entity.index]
    return max(0, world.bess[entity.index].stored_mj - spec.capacity * spec.min_soc // PPM)


def most_charge_w(entity: Entity, world: World, _at: int) -> int:
    if not _can_work(entity, world):
        return 0
    spec = entity.site.depot.bess[entity.index]
    below_full = max(0, spec.capacity * spec.max_soc // PPM - world.bess[entity.index].stored_mj)
    return min(int(spec.rating), below_full * PPM // spec.efficiency // _HELD_FOR)


def most_discharge_w(entity: Entity, world: World, at: int) -> int:
    if not _can_work(entity, world):
        return 0
    spec = entity.site.depot.bess[entity.index]
    return min(int(spec.rating), energy_available_mj(entity, world, at) * spec.efficiency // PPM // _HELD_FOR)


def generation_w(entity: Entity, world: World, _at: int) -> int:
    """Positive, on this key only."""
    shown = _shown(entity, world, SensorQuantity.ACTIVE_POWER)
    return world.pv[entity.index].power_w if shown is None else shown


def imported_mj(entity: Entity, world: World, at: int) -> int:
    shown = _shown(entity, world, SensorQuantity.ENERGY_IMPORT)
    if shown is not None:
        return shown
    match entity.kind:
        case EntityKind.NODE:
            net = world.nodes[entity.index].energy_at(at)
            return net + world.nodes[entity.index].exported_at(net, world.at)
        case EntityKind.BESS:
            return world.bess[entity.index].imported_mj
    return sum(world.connectors[connector].energy_at(at) for connector in entity.parts)


def exported_mj(entity: Entity, world: World, at: int) -> int:
    match entity.kind:
        case EntityKind.NODE:
            node = world.nodes[entity.index]
            return node.exported_at(node.energy_at(at), world.at)
        case EntityKind.BESS:
            return bess_exported_mj(entity.site.depot, world, entity.index)
    return pv_generated_mj(world, entity.index)


def ambient_mc(entity: Entity, world: World, at: int) -> int:
    shown = _shown(entity, world, SensorQuantity.AMBIENT_TEMPERATURE)
    depot = entity.site.depot
    return depot.ambient_mc.at(depot.calendar.ms_of_day(at)) if shown is None else shown


def _shown(entity: Entity, world: World, quantity: SensorQuantity) -> int | None:
    """What its meter shows; None when it has none."""
    meter = entity.sensors.get(quantity)
    return None if meter is None else world.sensors[meter].value


def _can_work(entity: Entity, world: World) -> bool:
    return world.bess[entity.index].power_state is PowerState.ON and not is_dark(entity, world)
