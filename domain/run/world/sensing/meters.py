"""What sensors and charger meters show: the true value with one fixed gain error per meter and noise per reading.

MID 2014/32/EU allows a class C meter 1 %; the default draws the gain from N(0, 0.5 %) and cuts it at 2 %. Gain and
noise together stay within 2 % too, unless a larger gain is configured.
"""

from __future__ import annotations

from depot_sim.domain.configuration.document import Sensor, SensorQuantity
from depot_sim.domain.kernel.noise import SIGMA, Noise
from depot_sim.domain.kernel.quantities import PPM
from depot_sim.domain.run.world.depot import Depot
from depot_sim.domain.run.world.site.balance import Balance
from depot_sim.domain.run.world.state import SensorMode
from depot_sim.domain.run.world.tick_context import TickContext

GAIN_SIGMA_PPM = 5_000
ERROR_LIMIT_PPM = 20_000
EXACT = (SensorQuantity.SOC, SensorQuantity.AMBIENT_TEMPERATURE)


class Meters:
    """All sensors of a run. A reading falls on every multiple of the cadence; a longer tick reads once, at its end."""

    def __init__(self, depot: Depot, noise: Noise) -> None:
        self._depot = depot
        self._noise = noise
        self._gains = [self._gain(sensor) for sensor in depot.sensors]

    def read(self, stage: TickContext, balance: Balance) -> list[tuple[int, int]]:
        """(sensor, value) of every reading taken in this tick."""
        readings = []
        for index, sensor in enumerate(self._depot.sensors):
            if stage.end // sensor.cadence == stage.begin // sensor.cadence:
                continue
            state = stage.world.sensors[index]
            if state.mode is SensorMode.OFFLINE or not state.available:
                continue
            if state.mode is SensorMode.STUCK:
                value = state.value
            elif state.forced is not None:
                value = state.forced
            else:
                value = self._measure(index, sensor, stage, balance)
            readings.append((index, value))
        return readings

    def _measure(self, index: int, sensor: Sensor, stage: TickContext, balance: Balance) -> int:
        true = true_value(self._depot, stage, balance, sensor)
        if sensor.quantity in EXACT:
            return true
        if sensor.quantity is SensorQuantity.ENERGY_IMPORT:
            return true + true * self._gains[index] // PPM  # a register never falls, so it takes no noise
        noise = self._noise.normal(f"noise/{sensor.id}", stage.end // sensor.cadence) * sensor.noise // SIGMA
        gain = self._gains[index]
        return true + true * _clip(gain + noise, max(ERROR_LIMIT_PPM, abs(gain))) // PPM

    def _gain(self, sensor: Sensor) -> int:
        return gain_ppm(self._noise, sensor.id) if sensor.gain_error is None else int(sensor.gain_error)


def gain_ppm(noise: Noise, meter: str) -> int:
    """The fixed gain error of a meter of this name."""
    return _clip(noise.normal(f"gain/{meter}", 0) * GAIN_SIGMA_PPM // SIGMA, ERROR_LIMIT_PPM)


def true_value(depot: Depot, stage: TickContext, balance: Balance, sensor: Sensor) -> int:
    """The undisturbed quantity at the end of the tick, in its base unit (W, mJ, ppm, m°C)."""
    if sensor.node is not None:
        return _node_value(depot.node_index[sensor.node], balance, sensor.quantity)
    if sensor.charger is not None:
        return _charger_value(depot.connectors_of[depot.charger_index[sensor.charger]], stage, sensor.quantity)
    if sensor.bess is not None:
        index = depot.bess_index[sensor.bess]
        return _bess_value(index, depot.bess[index].capacity, balance, sensor.quantity)
    if sensor.pv is not None:
        return balance.pv_w[depot.pv_index[sensor.pv]]
    return depot.ambient_mc.at(depot.calendar.ms_of_day(stage.end))


def _node_value(node: int, balance: Balance, quantity: SensorQuantity) -> int:
    if quantity is SensorQuantity.ACTIVE_POWER:
        return balance.load_w[node]
    return balance.energy_mj[node] + balance.exported_mj(node)


def _bess_value(bess: int, capacity_mj: int, balance: Balance, quantity: SensorQuantity) -> int:
    if quantity is SensorQuantity.SOC:
        return balance.stored_mj(bess) * PPM // capacity_mj
    return balance.bess_w[bess] if quantity is SensorQuantity.ACTIVE_POWER else balance.bess_imported_mj(bess)


def _charger_value(connectors: list[int], stage: TickContext, quantity: SensorQuantity) -> int:
    total = 0
    for connector in connectors:
        line, state = stage.lines.get(connector), stage.world.connectors[connector]
        if quantity is SensorQuantity.ACTIVE_POWER:
            total += state.power_w if line is None else line.power_w
        else:
            total += state.energy_at(stage.end) if line is None else line.energy_mj
    return total


def _clip(error_ppm: int, limit_ppm: int) -> int:
    return max(-limit_ppm, min(limit_ppm, error_ppm))
