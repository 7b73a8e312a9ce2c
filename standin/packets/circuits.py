"""The circuits' capacities: every link of a device with a circuit, and by which clock its silence counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from standin.packets.capacity import CapacityLink, Report, Standing
from standin.packets.devices import Device, Devices
from standin.packets.settings import Clock, Settings


@dataclass
class Circuits:
    """A circuit has one source at a time: the link of the device that speaks for it. The others are kept, and wait."""

    settings: Settings
    devices: Devices
    links: dict[str, dict[str, CapacityLink]] = field(default_factory=dict)
    site_clock: datetime | None = None

    def link(self, circuit: str, device: str) -> CapacityLink:
        """The link, which is made when it is first named; by our own clock it is armed then by `arm`."""
        watchdog = timedelta(seconds=self.settings.watchdog_seconds)
        links = self.links.setdefault(circuit, {})
        if device not in links:
            links[device] = CapacityLink(watchdog, self.settings.safe_default_kw)
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

    def pass_time(self, device: Device, arrived_at: datetime, *, reports: bool) -> None:
        """A packet has moved a clock. The link that it reports on takes its time together with the report."""
        assert device.clock is not None, "its packet named a time"
        self.site_clock = max(device.clock, self.site_clock or device.clock)
        now = self._clock_of(device, arrived_at)
        for owner, link in self._owned():
            own = owner == device.id
            if not reports if own else self.settings.clock is not Clock.DEVICE:
                link.advance(now)

    def look(self, now: datetime) -> None:
        """Let our own clock do what it does, if it is the one that counts. Looking refreshes nothing."""
        if self.settings.clock is Clock.ARRIVAL:
            for _, link in self._owned():
                link.advance(now)

    def next_expiry(self) -> datetime | None:
        """When our own clock alone will change something, if nothing happens before."""
        if self.settings.clock is not Clock.ARRIVAL:
            return None
        waiting = (link for _, link in self._owned() if link.standing is not Standing.FAIL_SAFE)
        return min((link.expires_at for link in waiting if link.expires_at), default=None)

    def forget(self, device: str) -> None:
        """The device began anew: its times no longer order anything."""
        for links in self.links.values():
            if device in links:
                links[device] = links[device].renewed()
        self.site_clock = max((one.clock for one in self.devices.known.values() if one.clock), default=None)

    def _clock_of(self, device: Device, arrived_at: datetime) -> datetime:
        match self.settings.clock:
            case Clock.DEVICE:
                return device.clock or arrived_at
            case Clock.SITE:
                return self.site_clock or arrived_at
            case Clock.ARRIVAL:
                return arrived_at

    def _owned(self) -> Iterator[tuple[str, CapacityLink]]:
        return (pair for links in self.links.values() for pair in links.items())
