"""The circuits' capacities: every link of a device with a circuit, and by which clock its silence counts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from depot_sim.standin.packets.capacity import CapacityLink, Report, Standing
from depot_sim.standin.packets.devices import Device, Devices
from depot_sim.standin.packets.settings import Clock, Settings


@dataclass
class Circuits:
    """A circuit has one source at a time: the link of the device that speaks for it. The others are kept, and wait."""

    settings: Settings
    devices: Devices
    links: dict[str, dict[str, CapacityLink]] = field(default_factory=dict)
    site_clock: datetime | None = None
    _circuits_of: dict[str, list[str]] = field(default_factory=dict)

    def link(self, circuit: str, device: str) -> CapacityLink:
        """The link, which is made when it is first named."""
        watchdog = timedelta(seconds=self.settings.watchdog_seconds)
        links = self.links.setdefault(circuit, {})
        if device not in links:
            links[device] = CapacityLink(watchdog, self.settings.safe_default_kw)
            self._circuits_of.setdefault(device, []).append(circuit)
        return links[device]

    def arm(self, circuit: str, device: str, now: datetime) -> None:
        """The circuit is configured. By a clock of packets the link is armed with the first packet of the device."""
        link = self.link(circuit, device)
        link.watched = True
        if self.settings.clock is Clock.ARRIVAL:
            link.arm(now)

    def source(self, circuit: str) -> tuple[str, CapacityLink] | None:
        """The device that speaks for the circuit, and its link."""
        links = self.links.get(circuit, {})
        device = self.devices.speaker(links)
        return (device, links[device]) if device else None

    def take(self, circuit: str, device: Device, report: Report) -> None:
        """What a packet says about the circuit; `pass_time` comes before."""
        now = self._clock_of(device, report.said_at)
        self.link(circuit, device.id).take(report, now)

    def pass_time(self, device: Device, arrived_at: datetime, reported: Collection[str]) -> None:
        """A packet has moved a clock. The circuits that it reports on take its time together with the report."""
        assert device.clock is not None, "its packet named a time"
        self.site_clock = max(device.clock, self.site_clock or device.clock)
        now = self._clock_of(device, arrived_at)
        for circuit, owner in self._moved_by(device.id):
            if owner != device.id or circuit not in reported:
                self.links[circuit][owner].advance(now)

    def look(self, now: datetime) -> None:
        """Let our own clock do what it does, if it is the one that counts. Looking refreshes nothing."""
        if self.settings.clock is Clock.ARRIVAL:
            for circuit, owner in self._pairs():
                self.links[circuit][owner].advance(now)

    def next_expiry(self) -> datetime | None:
        """When our own clock alone will change something, if nothing happens before."""
        if self.settings.clock is not Clock.ARRIVAL:
            return None
        links = (self.links[circuit][owner] for circuit, owner in self._pairs())
        waiting = (link.expires_at for link in links if link.standing is not Standing.FAIL_SAFE)
        return min((expiry for expiry in waiting if expiry), default=None)

    def forget(self, device: str) -> None:
        """The device began anew: its times no longer order anything."""
        for circuit in self._circuits_of.get(device, ()):
            self.links[circuit][device] = self.links[circuit][device].renewed()
        self.site_clock = max((one.clock for one in self.devices.known.values() if one.clock), default=None)

    def _clock_of(self, device: Device, arrived_at: datetime) -> datetime:
        match self.settings.clock:
            case Clock.DEVICE:
                return device.clock or arrived_at
            case Clock.SITE:
                return self.site_clock or arrived_at
            case Clock.ARRIVAL:
                return arrived_at

    def _moved_by(self, device: str) -> Iterable[tuple[str, str]]:
        """The links, by circuit and device, whose clock its packets move."""
        if self.settings.clock is Clock.DEVICE:
            return ((circuit, device) for circuit in self._circuits_of.get(device, ()))
        return self._pairs()

    def _pairs(self) -> Iterable[tuple[str, str]]:
        return ((circuit, device) for device, circuits in self._circuits_of.items() for circuit in circuits)
