"""Everything of the world that a measurand can be: what a profile's table names as `source`.

Sources give integers in their dimension's base unit, words, texts, or None for "there is none".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from depot_sim.domain.configuration.document import SensorQuantity
from depot_sim.domain.packets.contract.measurand import WorldValue
from depot_sim.domain.packets.contract.units import Dimension
from depot_sim.domain.packets.device import EntityKind
from depot_sim.domain.packets.measure import conditions as c
from depot_sim.domain.packets.measure import electrical as el
from depot_sim.domain.packets.measure import supplies as s
from depot_sim.domain.packets.measure.entity import Entity
from depot_sim.domain.packets.vocabulary import Quality
from depot_sim.domain.run.world.site.fail_safe import HeartbeatStatus
from depot_sim.domain.run.world.state import ControllerMode, Dispatch, PowerState, World

_POWER, _ENERGY = SensorQuantity.ACTIVE_POWER, SensorQuantity.ENERGY_IMPORT
_NODE, _CHARGER, _BESS, _PV = EntityKind.NODE, EntityKind.CHARGER, EntityKind.BESS, EntityKind.PV
_CONTROLLER, _WEATHER = EntityKind.CONTROLLER, EntityKind.WEATHER
_METERED = frozenset({_NODE, _CHARGER, _BESS, _PV})


@dataclass(frozen=True, slots=True)
class Source:
    """`read` takes the entity, the world and the logical time (ms); only entities of `kinds` have it.

    `words` are all it can say, when it says words; empty for those of the profile's own mode table. `sensed` is the
    quantity whose sensor, if the entity has one, is what is read. `none` is the quality of None: OK where that says
    something, as of a limit that there is none, and MISSING where nothing could be measured.
    """

    name: str
    dimension: Dimension
    kinds: frozenset[EntityKind]
    read: Callable[[Entity, World, int], WorldValue]
    words: tuple[str, ...] = ()
    sensed: SensorQuantity | None = None
    none: Quality = Quality.OK


def _measured() -> Iterator[Source]:
    yield Source("ACTIVE_POWER", Dimension.POWER, _METERED, el.power_w, sensed=_POWER)
    yield Source("REACTIVE_POWER", Dimension.REACTIVE, _METERED, el.reactive_var, sensed=_POWER)
    yield Source("POWER_FACTOR", Dimension.SHARE, _METERED, el.signed_power_factor_ppm, sensed=_POWER)
    yield Source("FREQUENCY", Dimension.FREQUENCY, frozenset({_NODE}), el.frequency_mhz, none=Quality.MISSING)
    for phase, name in enumerate(el.PHASES):
        yield Source(f"ACTIVE_POWER_{name}", Dimension.POWER, _METERED, el.phase_power_w(phase), sensed=_POWER)
        yield Source(f"CURRENT_{name}", Dimension.CURRENT, _METERED, el.phase_current_ma(phase), sensed=_POWER)
        yield Source(f"VOLTAGE_{name}N", Dimension.VOLTAGE, _METERED, el.phase_voltage_mv(phase), sensed=_POWER)
        other = (phase + 1) % len(el.PHASES)
        between = f"VOLTAGE_{name}{el.PHASES[other]}"
        yield Source(between, Dimension.VOLTAGE, _METERED, el.line_voltage_mv(phase, other), sensed=_POWER)
    importing, exporting = frozenset({_NODE, _CHARGER, _BESS}), frozenset({_NODE, _BESS, _PV})
    yield Source("ENERGY_IMPORT", Dimension.ENERGY, importing, s.imported_mj, sensed=_ENERGY)
    yield Source("ENERGY_EXPORT", Dimension.ENERGY, exporting, s.exported_mj)
    yield Source("PV_POWER", Dimension.POWER, frozenset({_PV}), s.generation_w, sensed=_POWER)
    weather = SensorQuantity.AMBIENT_TEMPERATURE
    yield Source("AMBIENT_TEMPERATURE", Dimension.TEMPERATURE, frozenset({_WEATHER}), s.ambient_mc, sensed=weather)


def _of_controller() -> Iterator[Source]:
    linked = frozenset({_CONTROLLER, _NODE, _BESS, _PV})
    yield Source("AVAILABLE_CHARGING_CAPACITY", Dimension.POWER, frozenset({_NODE}), s.available_capacity_w)
    yield Source("FAIL_SAFE_CAPACITY", Dimension.POWER, frozenset({_NODE}), s.fail_safe_w)
    yield Source("HEARTBEAT_STATUS", Dimension.WORD, linked, c.link_word, _words(HeartbeatStatus))
    yield Source("HEARTBEAT_COUNTER", Dimension.COUNT, linked, c.link_counter)
    yield Source("LIMIT_DER_EXPORT", Dimension.POWER, frozenset({_NODE, _PV}), s.least_export_limit_w)
    modes = _words(ControllerMode)
    yield Source("CONTROLLER_MODE", Dimension.WORD, frozenset({_CONTROLLER, _NODE}), c.controller_mode, modes)
    everything = frozenset(EntityKind)
    powered = everything - {_WEATHER}
    yield Source("DEVICE_POWER_STATE", Dimension.WORD, powered, c.power_state, _words(PowerState))
    yield Source("ALARM_CODES", Dimension.TEXTS, everything, c.alarms)


def _of_storage() -> Iterator[Source]:
    bess, dispatched = frozenset({_BESS}), frozenset({_BESS, _PV, _NODE})
    yield Source("DISPATCH_STATE", Dimension.WORD, dispatched, c.dispatch_word, _words(Dispatch))
    yield Source("DISPATCH_SETPOINT", Dimension.POWER, dispatched, c.dispatch_setpoint_w)
    yield Source("SOC", Dimension.SHARE, bess, s.state_of_charge_ppm, sensed=SensorQuantity.SOC)
    yield Source("SOH", Dimension.SHARE, bess, s.state_of_health_ppm)
    yield Source("ENERGY_AVAILABLE", Dimension.ENERGY, bess, s.energy_available_mj)
    yield Source("BESS_OPERATIONAL_MODE", Dimension.WORD, bess, c.bess_mode)
    yield Source("BESS_MAX_CHARGE_POWER", Dimension.POWER, bess, s.most_charge_w)
    yield Source("BESS_MAX_DISCHARGE_POWER", Dimension.POWER, bess, s.most_discharge_w)


def _words(states: type[Enum]) -> tuple[str, ...]:
    return tuple(str(state.value) for state in states)


SOURCES: Mapping[str, Source] = {
    source.name: source for sources in (_measured(), _of_controller(), _of_storage()) for source in sources
}
"""By the name that the `source` column of a profile's measurand table has."""
