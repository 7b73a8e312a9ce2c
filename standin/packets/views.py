"""What the control API and the state page tell about packets and the microgrid."""

from __future__ import annotations

import base64
from datetime import datetime

from msgspec import Struct

from depot_sim.standin.packets.archive import Entry, Verdict
from depot_sim.standin.packets.capability import Capability, Status, StatusReport
from depot_sim.standin.packets.capacity import Change, Standing
from depot_sim.standin.packets.devices import Device
from depot_sim.standin.packets.findings import Finding, Kind
from depot_sim.standin.packets.intake import Intake
from depot_sim.standin.packets.microgrid import Microgrid
from depot_sim.standin.packets.packet import Packet
from depot_sim.standin.packets.power_source import Latest


class Freshness(Struct, frozen=True):
    """By the canonical timestamp of the very record that is shown."""

    fresh: bool
    age_seconds: float


class CapabilityView(Struct, frozen=True):
    """The latest status."""

    status: Status
    latest: StatusReport
    freshness: Freshness


class CircuitView(Struct, frozen=True, kw_only=True):
    """The capacity that holds, the device it comes from, and how it came about."""

    circuit: str
    standing: Standing
    kw: float | None
    available_kw: float | None
    fail_safe_kw: float | None
    heartbeat_status: str | None
    last_heartbeat_at: datetime | None
    watchdog_expires_at: datetime | None
    device: str
    other_devices: list[str]
    changes: list[Change]


class PowerSourceView(Struct, frozen=True):
    """By measurand, the latest value."""

    id: str
    values: dict[str, Latest]


class MicrogridView(Struct, frozen=True, kw_only=True):
    """The read state; `sites` is what the packets call it, `clock` the latest time they named."""

    sites: list[str]
    clock: datetime | None
    capabilities: dict[Capability, CapabilityView]
    circuits: list[CircuitView]
    power_sources: list[PowerSourceView]
    capability_history: list[StatusReport]


class DeviceView(Struct, frozen=True, kw_only=True):
    """One device's sequence."""

    device: str
    type: str | None
    scope: str | None
    alive: bool
    lives: int
    packets: int
    repeats: int
    highest_seq: int | None
    missing: list[int]
    clock: datetime | None


class EntryView(Struct, frozen=True, kw_only=True):
    """One packet as it came and as it was understood. A body that is no UTF-8 is told in base64."""

    number: int
    arrived_at: datetime
    device: str
    path: str
    content_type: str
    verdict: Verdict
    status: int | None
    misbehaviour: str | None
    findings: list[Finding]
    packet: Packet | None
    body: str | None
    body_base64: str | None


class PacketsView(Struct, frozen=True, kw_only=True):
    """How many came in all, what was odd, the devices, and the latest packets that were asked for."""

    arrived: int
    findings: dict[Kind, int]
    devices: list[DeviceView]
    packets: list[EntryView]


def view_packets(intake: Intake, device: str | None = None, key: str | None = None, limit: int = 100) -> PacketsView:
    platform = intake.platform
    return PacketsView(
        arrived=intake.archive.arrived,
        findings=dict(platform.findings),
        devices=[_device(one) for one in platform.devices.known.values()],
        packets=[_entry(one) for one in intake.archive.newest_first(device, key, limit)],
    )


def view_microgrid(microgrid: Microgrid, now: datetime, history: int = 200) -> MicrogridView:
    """As it stands now, with so much of each history. Looking changes nothing but what the time alone changes."""
    microgrid.circuits.look(now)
    return MicrogridView(
        sites=sorted({device.site for device in microgrid.devices.known.values() if device.site}),
        clock=microgrid.circuits.site_clock,
        capabilities={name: _capability(microgrid, one, now) for name, one in microgrid.latest().items()},
        circuits=[one for name in sorted(microgrid.circuits.links) if (one := _circuit(microgrid, name, history))],
        power_sources=[PowerSourceView(id, one.values) for id, one in sorted(microgrid.power_sources.items())],
        capability_history=list(microgrid.capabilities.history)[-history:],
    )


def _capability(microgrid: Microgrid, latest: StatusReport, now: datetime) -> CapabilityView:
    freshness = Freshness(microgrid.is_fresh(latest.at, now), microgrid.age(latest.at, now).total_seconds())
    return CapabilityView(latest.status, latest, freshness)


def _circuit(microgrid: Microgrid, circuit: str, history: int) -> CircuitView | None:
    source = microgrid.circuits.source(circuit)
    if source is None:
        return None
    device, link = source
    return CircuitView(
        circuit=circuit,
        standing=link.standing,
        kw=link.kw,
        available_kw=link.available_kw,
        fail_safe_kw=link.fail_safe_kw,
        heartbeat_status=link.status,
        last_heartbeat_at=link.beat_at,
        watchdog_expires_at=link.expires_at,
        device=device,
        other_devices=sorted(microgrid.circuits.links[circuit].keys() - {device}),
        changes=list(link.changes)[-history:],
    )


def _device(device: Device) -> DeviceView:
    sequence = device.sequence
    return DeviceView(
        device=device.id,
        type=device.type,
        scope=device.scope,
        alive=sequence.alive,
        lives=sequence.life + 1,
        packets=device.packets,
        repeats=sequence.repeats,
        highest_seq=sequence.highest,
        missing=sorted(sequence.missing),
        clock=device.clock,
    )


def _entry(entry: Entry) -> EntryView:
    body, encoded = _body(entry.body)
    return EntryView(
        number=entry.number,
        arrived_at=entry.arrived_at,
        device=entry.device,
        path=entry.path,
        content_type=entry.content_type,
        verdict=entry.verdict,
        status=entry.status,
        misbehaviour=entry.misbehaviour,
        findings=entry.findings,
        packet=entry.packet,
        body=body,
        body_base64=encoded,
    )


def _body(body: bytes) -> tuple[str | None, str | None]:
    try:
        return body.decode(), None
    except UnicodeDecodeError:
        return None, base64.b64encode(body).decode()
