"""What state a thing of the depot is in: links, power states, dispatch, the battery's mode, alarms."""

from __future__ import annotations

from depot_sim.domain.kernel.quantities import PPM
from depot_sim.domain.packets.device import EntityKind
from depot_sim.domain.packets.measure.battery_mode import ModeInputs, flow_of, soc_band_of
from depot_sim.domain.packets.measure.electrical import is_dark
from depot_sim.domain.packets.measure.entity import Entity
from depot_sim.domain.run.world.site.fail_safe import HeartbeatStatus, heartbeat_counter, heartbeat_status
from depot_sim.domain.run.world.state import (
    BessState,
    ControllerMode,
    Dispatch,
    PowerState,
    SensorMode,
    World,
)

_UNDER_WAY = (Dispatch.SCHEDULED, Dispatch.ACTIVE)


def link_status(entity: Entity, world: World, at: int) -> HeartbeatStatus:
    """Of its nearest controller; without one there is nothing to lose."""
    for controller in entity.controllers:
        spec = entity.site.depot.controllers[controller]
        return heartbeat_status(spec, world.controllers[controller], at)
    return HeartbeatStatus.OK


def link_word(entity: Entity, world: World, at: int) -> str:
    return link_status(entity, world, at).value


def link_counter(entity: Entity, world: World, at: int) -> int:
    for controller in entity.controllers:
        return heartbeat_counter(entity.site.depot.controllers[controller], world.controllers[controller], at)
    return 0


def is_in_fail_safe(entity: Entity, world: World) -> bool:
    return bool(entity.controllers) and world.controllers[entity.controllers[0]].fail_safe


def controller_mode(entity: Entity, world: World, _at: int) -> str:
    if not entity.controllers:
        return ControllerMode.GRID_CONNECTED.value
    return world.controllers[entity.controllers[0]].mode.value


def power_state(entity: Entity, world: World, _at: int) -> str:
    """A battery's and an array's own; a charger's from fault and availability; else whether there is power."""
    if entity.kind is EntityKind.BESS:
        return world.bess[entity.index].power_state.value
    if entity.kind is EntityKind.PV:
        return world.pv[entity.index].power_state.value
    if entity.kind is EntityKind.CHARGER:
        charger = world.chargers[entity.index]
        if charger.fault:
            return PowerState.FAULT.value
        if not charger.available:
            return PowerState.OFF.value
    return PowerState.OFF.value if is_dark(entity, world) else PowerState.ON.value


def dispatch_word(entity: Entity, world: World, _at: int) -> str:
    """A site's is that of its first battery; what cannot be dispatched never is."""
    bess = _battery(entity, world)
    return Dispatch.NONE.value if bess is None else bess.dispatch.value


def dispatch_setpoint_w(entity: Entity, world: World, _at: int) -> int | None:
    """Only while a dispatch is scheduled or active."""
    bess = _battery(entity, world)
    return bess.setpoint_w if bess is not None and bess.dispatch in _UNDER_WAY else None


def bess_mode(entity: Entity, world: World, at: int) -> str:
    """From the profile's table; what leads there is only ever the state of the world."""
    state, spec = world.bess[entity.index], entity.site.depot.bess[entity.index]
    empty, full = spec.capacity * spec.min_soc // PPM, spec.capacity * spec.max_soc // PPM
    inputs = ModeInputs(
        power_state=state.power_state,
        heartbeat=link_status(entity, world, at),
        fail_safe=is_in_fail_safe(entity, world),
        control=state.control,
        dispatch=state.dispatch,
        direction=flow_of(state.power_w, spec.rating),
        soc_band=soc_band_of(state.stored_mj, empty, full),
    )
    return entity.site.modes.mode(inputs).mode


def alarms(entity: Entity, world: World, at: int) -> tuple[str, ...]:
    """What is wrong with it now, in a fixed order."""
    found: list[str] = []
    if is_dark(entity, world):
        found.append("NO_SUPPLY")
    match entity.kind:
        case EntityKind.CHARGER:
            if fault := world.chargers[entity.index].fault:
                found.append(fault)
        case EntityKind.NODE:
            found += _of_node(entity, world, at)
        case EntityKind.CONTROLLER:
            found += _of_link(entity, world, at)
        case EntityKind.BESS:
            found += _of_bess(world.bess[entity.index])
        case EntityKind.PV:
            found += _of_power_state(world.pv[entity.index].power_state)
    for sensor in entity.sensors.values():
        if world.sensors[sensor].mode is SensorMode.OFFLINE:
            found.append("SENSOR_OFFLINE")
            break
    return tuple(found)


def _of_node(entity: Entity, world: World, at: int) -> list[str]:
    breached = ["LIMIT_BREACHED"] if world.nodes[entity.index].breached else []
    return breached + _of_link(entity, world, at)


def _of_link(entity: Entity, world: World, at: int) -> list[str]:
    lost = ["HEARTBEAT_LOST"] if link_status(entity, world, at) is HeartbeatStatus.LOST else []
    return [*lost, "FAIL_SAFE"] if is_in_fail_safe(entity, world) else lost


def _of_bess(state: BessState) -> list[str]:
    rejected = ["DISPATCH_REJECTED"] if state.dispatch is Dispatch.REJECTED else []
    return _of_power_state(state.power_state) + rejected


def _of_power_state(state: PowerState) -> list[str]:
    return ["DEVICE_FAULT"] if state is PowerState.FAULT else []


def _battery(entity: Entity, world: World) -> BessState | None:
    if entity.kind is EntityKind.BESS:
        return world.bess[entity.index]
    return world.bess[entity.parts[0]] if entity.kind is EntityKind.NODE and entity.parts else None
