"""The platform behind the endpoint: its devices, its configuration, and the microgrid they drive."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from depot_sim.standin.packets.archive import Verdict
from depot_sim.standin.packets.configuration import Action, default_plan
from depot_sim.standin.packets.devices import Device, Devices
from depot_sim.standin.packets.document import Document
from depot_sim.standin.packets.encodings import Received
from depot_sim.standin.packets.findings import Finding, Kind
from depot_sim.standin.packets.microgrid import Arrival, Microgrid
from depot_sim.standin.packets.settings import Settings


class Platform:
    """Without a configuration every device drives whatever it can, under the contract's own keys."""

    def __init__(self, settings: Settings, document: Document | None, now: datetime) -> None:
        self.settings = settings
        self.document = document
        self.devices = Devices()
        self.microgrid = Microgrid(settings, self.devices, document.translations() if document else {})
        self.findings: Counter[Kind] = Counter()
        self._plans = document.plans() if document else None
        self._arm(now)

    def welcomes(self, device: str) -> bool:
        """Whether its packets are accepted at all."""
        return self._plans is None or self.settings.accept_unknown_devices or device in self._plans

    def take(self, received: Received, now: datetime) -> tuple[Verdict, list[Finding]]:
        """What became of a packet, and what is odd about it."""
        device = self.devices.find(received.packet.device)
        life = device.sequence.life
        new, findings = device.sequence.look(received.packet, received.body)
        findings = [*received.packet.faults, *findings]
        if device.sequence.life != life:
            self._begin_anew(device)
        verdict = self._take_new(device, received, findings, now) if new else Verdict.REPEATED
        self.findings.update(one.kind for one in findings)
        return verdict, findings

    def _take_new(self, device: Device, received: Received, findings: list[Finding], now: datetime) -> Verdict:
        device.learn(received.packet)
        plan = default_plan(device.type, device.keys) if self._plans is None else self._plans.get(device.id)
        if plan is None:
            findings.append(Finding(Kind.UNKNOWN_DEVICE, f"{device.id} is not configured"))
            return Verdict.RECORDED
        findings += self.microgrid.take(Arrival(received.packet, device, plan, now))
        return Verdict.APPLIED

    def _begin_anew(self, device: Device) -> None:
        device.clock = None
        self.microgrid.forget(device.id)

    def _arm(self, now: datetime) -> None:
        """A circuit is watched from the moment it is configured, heard of or not."""
        for device, plan in (self._plans or {}).items():
            for action in plan.actions:
                if action.action is Action.CIRCUIT_CAPACITY and (circuit := plan.circuit_of(action)):
                    self.microgrid.circuits.arm(circuit, device, now)
