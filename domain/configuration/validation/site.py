"""Chargers, sensors, storage, generation, controllers and weather: what their fields must mean together."""

from __future__ import annotations

from collections.abc import Iterator

from depot_sim.domain.configuration.document import (
    Bess,
    MicrogridController,
    Sensor,
    SensorQuantity,
    SimulationConfigurationDocument,
)
from depot_sim.domain.configuration.validation.finding import Finding, finding
from depot_sim.domain.configuration.validation.steps import check_steps
from depot_sim.domain.configuration.validation.topology import NODES
from depot_sim.domain.kernel.quantities import MS_PER_SECOND, Temperature

_MEASURED = ("node", "charger", "bess", "pv")
_FITS: dict[SensorQuantity, tuple[str, ...]] = {
    SensorQuantity.ACTIVE_POWER: _MEASURED,
    SensorQuantity.ENERGY_IMPORT: ("node", "charger", "bess"),
    SensorQuantity.SOC: ("bess",),
    SensorQuantity.AMBIENT_TEMPERATURE: (),
}
_COLDEST, _HOTTEST = Temperature.parse("-60 °C"), Temperature.parse("60 °C")


def check_site(document: SimulationConfigurationDocument) -> Iterator[Finding]:
    for index, node in enumerate(document.topology.nodes):
        yield from check_steps(f"{NODES}/{index}/other_load", [step.at for step in node.other_load])
    for index, charger in enumerate(document.chargers):
        if not charger.connectors:
            yield finding(f"/chargers/{index}/connectors", "no connectors", "at least one connector")
    for index, sensor in enumerate(document.sensors):
        yield from _sensor(f"/sensors/{index}", sensor)
    for index, bess in enumerate(document.bess):
        yield from _bess(f"/bess/{index}", bess)
    for index, pv in enumerate(document.pv):
        yield from check_steps(f"/pv/{index}/profile", [step.at for step in pv.profile])
    yield from _controllers(document)
    yield from _weather(document)


def _sensor(pointer: str, sensor: Sensor) -> Iterator[Finding]:
    named = [field for field in _MEASURED if getattr(sensor, field) is not None]
    fitting = _FITS[sensor.quantity]
    if not fitting:
        for field in named:
            yield finding(f"{pointer}/{field}", f"a {field}", f"none, because {sensor.quantity.value} has no place")
    elif len(named) != 1:
        found = " and ".join(named) or "nothing that is measured"
        yield finding(pointer, found, f"exactly one of {', '.join(fitting)}")
    elif named[0] not in fitting:
        yield finding(f"{pointer}/{named[0]}", f"{sensor.quantity.value} of a {named[0]}", f"a {' or '.join(fitting)}")


def _bess(pointer: str, bess: Bess) -> Iterator[Finding]:
    if bess.min_soc >= bess.max_soc:
        yield finding(f"{pointer}/min_soc", f"{_percent(bess.min_soc)}", f"less than max_soc, {_percent(bess.max_soc)}")
    elif not bess.min_soc <= bess.initial_soc <= bess.max_soc:
        expected = f"from min_soc to max_soc, {_percent(bess.min_soc)} to {_percent(bess.max_soc)}"
        yield finding(f"{pointer}/initial_soc", _percent(bess.initial_soc), expected)


def _percent(share: int) -> str:
    return f"{share / 10_000:g} %"


def _controllers(document: SimulationConfigurationDocument) -> Iterator[Finding]:
    nodes = {node.id: (index, node) for index, node in enumerate(document.topology.nodes)}
    controlled: set[str] = set()
    for index, controller in enumerate(document.microgrid_controllers):
        pointer = f"/microgrid_controllers/{index}"
        yield from _heartbeats(pointer, controller)
        if controller.node in controlled:
            yield finding(f"{pointer}/node", f'a second controller of "{controller.node}"', "one controller per node")
        controlled.add(controller.node)
        at, node = nodes.get(controller.node, (0, None))
        if node is not None and node.fail_safe_limit is None:
            expected = f'a limit to fall back to when controller "{controller.id}" falls silent'
            yield finding(f"{NODES}/{at}/fail_safe_limit", "nothing", expected)


def _heartbeats(pointer: str, controller: MicrogridController) -> Iterator[Finding]:
    if controller.lost_after < controller.heartbeat_interval:
        found, least = _seconds(controller.lost_after), _seconds(controller.heartbeat_interval)
        yield finding(f"{pointer}/lost_after", found, f"at least heartbeat_interval, {least}")


def _seconds(duration: int) -> str:
    return f"{duration / MS_PER_SECOND:g} s"


def _weather(document: SimulationConfigurationDocument) -> Iterator[Finding]:
    ambient = document.weather.ambient
    yield from check_steps("/weather/ambient", [step.at for step in ambient])
    for index, step in enumerate(ambient):
        if not _COLDEST <= step.temperature <= _HOTTEST:
            at = f"/weather/ambient/{index}/temperature"
            yield finding(at, f"{step.temperature / 1_000:g} °C", "between -60 °C and 60 °C")
