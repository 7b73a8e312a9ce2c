"""What the packets amount to: circuit capacities, capability status, power sources (COR-9), and how fresh (COR-38)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from msgspec import Struct

from depot_sim.standin.packets.capability import Capability, CapabilityLog, StatusReport
from depot_sim.standin.packets.capacity import Report
from depot_sim.standin.packets.checks import Checker, Known, Reading, is_stale, standard
from depot_sim.standin.packets.circuits import Circuits
from depot_sim.standin.packets.configuration import Action, BoundAction, Plan
from depot_sim.standin.packets.devices import Device, Devices
from depot_sim.standin.packets.findings import Finding, Kind
from depot_sim.standin.packets.measurands import (
    AVAILABLE_CHARGING_CAPACITY,
    FAIL_SAFE_CAPACITY,
    HEARTBEAT_COUNTER,
    HEARTBEAT_STATUS,
    MEASURANDS,
)
from depot_sim.standin.packets.packet import Packet, Value
from depot_sim.standin.packets.power_source import Latest, PowerSource
from depot_sim.standin.packets.routing import NoTarget, power_source
from depot_sim.standin.packets.settings import Clock, Settings


class Arrival(Struct, frozen=True):
    """A packet that is new, of a device, with what is to be done with it, by our own clock."""

    packet: Packet
    device: Device
    plan: Plan
    at: datetime


@dataclass
class Microgrid:
    """One site as the platform sees it."""

    settings: Settings
    devices: Devices
    output_translation: Mapping[str, str]
    circuits: Circuits = field(init=False)
    capabilities: CapabilityLog = field(default_factory=CapabilityLog)
    power_sources: dict[str, PowerSource] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.circuits = Circuits(self.settings, self.devices)

    def take(self, arrival: Arrival) -> list[Finding]:
        """Apply a packet; what is odd about its values, and what could not be applied."""
        checker = Checker(arrival.packet)
        readings = self._read(checker, arrival)
        used = [(action, _used(action, readings)) for action in arrival.plan.actions]
        reported = {self._circuit(arrival, action) for action, values in used if values and _is_capacity(action)}
        self.circuits.pass_time(arrival.device, arrival.at, reported)
        not_applied = [odd for action, values in used if values for odd in self._act(action, arrival, values)]
        return [*checker.findings, *not_applied]

    def forget(self, device: str) -> None:
        """The device began anew: what it said before is history."""
        self.capabilities.forget(device)
        self.circuits.forget(device)
        for source in self.power_sources.values():
            source.forget(device)

    def latest(self) -> dict[Capability, StatusReport]:
        """One status per capability: of the device that speaks for it."""
        speakers = ((name, said, self.devices.speaker(said)) for name, said in self.capabilities.said.items())
        return {name: said[speaker] for name, said, speaker in speakers if speaker}

    def age(self, at: datetime, now: datetime) -> timedelta:
        """How old something of that time is, by the clock that counts."""
        reference = now if self.settings.clock is Clock.ARRIVAL else self.circuits.site_clock or at
        return max(timedelta(), reference - at)

    def is_fresh(self, at: datetime, now: datetime) -> bool:
        return self.age(at, now).total_seconds() <= self.settings.fresh_seconds

    def _read(self, checker: Checker, arrival: Arrival) -> dict[str, Reading]:
        """What passes, by the keys as they were sent."""
        read = {one.key: checker.read(one, self._known(arrival.plan, one.key)) for one in arrival.packet.measurements}
        return {key: one for key, one in read.items() if one}

    def _known(self, plan: Plan, key: str) -> Known | None:
        name = plan.name_of(key)
        alias = self.settings.measurands.get(name) if name else None
        if alias:
            return Known(alias.measurand, alias.unit or MEASURANDS[alias.measurand].unit, alias.words)
        return standard(name) if name else None

    def _act(self, action: BoundAction, arrival: Arrival, values: Mapping[str, Reading]) -> Iterable[Finding]:
        match action.action:
            case Action.CIRCUIT_CAPACITY:
                self._update_circuit(action, arrival, values)
            case Action.MICROGRID_STATE:
                self._update_state(arrival, values)
            case Action.POWER_SOURCE_STATE | Action.POWER_SOURCE_LOAD:
                return self._update_power_source(action, arrival, values)
        return ()

    def _circuit(self, arrival: Arrival, action: BoundAction) -> str:
        return arrival.plan.circuit_of(action) or arrival.device.scope or arrival.device.id

    def _update_circuit(self, action: BoundAction, arrival: Arrival, values: Mapping[str, Reading]) -> None:
        device, circuit = arrival.device, self._circuit(arrival, action)
        timely = {name: one for name, one in values.items() if not is_stale(arrival.packet, one.at)}
        said = timely.keys() & {AVAILABLE_CHARGING_CAPACITY, FAIL_SAFE_CAPACITY}
        if said or device.id in self.circuits.links.get(circuit, {}):
            self.circuits.take(circuit, device, self._report(arrival, timely))

    def _report(self, arrival: Arrival, values: Mapping[str, Reading]) -> Report:
        at = max((one.at for one in values.values()), default=arrival.packet.sent_at)
        status = _value(values, HEARTBEAT_STATUS)
        return Report(
            at=at,
            said_at=arrival.at if self.settings.clock is Clock.ARRIVAL else at,
            reference=arrival.packet.packet_id,
            available_kw=_number(values, AVAILABLE_CHARGING_CAPACITY),
            fail_safe_kw=_number(values, FAIL_SAFE_CAPACITY),
            status=status if isinstance(status, str) else None,
            counter=_number(values, HEARTBEAT_COUNTER),
        )

    def _update_state(self, arrival: Arrival, values: Mapping[str, Reading]) -> None:
        for rule in self.settings.capabilities:
            if one := values.get(rule.measurand):
                self.capabilities.record(
                    StatusReport(
                        capability=rule.capability,
                        status=rule.status(one.value),
                        at=one.at,
                        received_at=arrival.at,
                        device=arrival.device.id,
                        reference=arrival.packet.packet_id,
                        measurand=rule.measurand,
                        value=one.value,
                    )
                )

    def _update_power_source(
        self, action: BoundAction, arrival: Arrival, values: Mapping[str, Reading]
    ) -> Iterable[Finding]:
        device, circuit, assets = arrival.device, arrival.plan.circuit, self.settings.power_sources
        try:
            target = power_source(assets, device.id, circuit, action.target, self.output_translation.get(device.id))
        except NoTarget as problem:
            return (Finding(Kind.NOT_APPLIED, f"{action.action}: {problem}"),)
        source = self.power_sources.setdefault(target, PowerSource())
        for name, one in values.items():
            source.take(name, Latest(one.value, one.at, device.id, arrival.packet.packet_id))
        return ()


def _used(action: BoundAction, readings: Mapping[str, Reading]) -> dict[str, Reading]:
    return {one.measurand: one for key, one in readings.items() if action.uses(key, one.measurand)}


def _is_capacity(action: BoundAction) -> bool:
    return action.action is Action.CIRCUIT_CAPACITY


def _value(values: Mapping[str, Reading], name: str) -> Value:
    return values[name].value if name in values else None


def _number(values: Mapping[str, Reading], name: str) -> float | None:
    value = _value(values, name)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None
