"""The Microgrid card and the panel of packets on the state page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import islice

from depot_sim.standin.html import kw, pill, table, time
from depot_sim.standin.packets.archive import Entry
from depot_sim.standin.packets.capability import Capability
from depot_sim.standin.packets.devices import Device
from depot_sim.standin.packets.intake import Intake
from depot_sim.standin.packets.packet import Value
from depot_sim.standin.packets.views import CapabilityView, CircuitView, MicrogridView, PowerSourceView, view_microgrid

_LINES = 10
_MOST = 40
_REASONS = 3


def microgrid_card(intake: Intake) -> str:
    """Circuit capacities, capability status with its freshness, power sources. Nothing of it needs the others."""
    view = view_microgrid(intake.platform.microgrid, intake.clock(), _REASONS)
    sites = "".join(f"<code>{escape(site)}</code>" for site in view.sites)
    clock = f"<span class=muted>packets have come to {time(view.clock)}</span>" if view.clock else ""
    circuits = f"<span class=muted>circuits{more}</span>" if (more := _more(len(view.circuits))) else ""
    return (
        f"<section class=panel><header><h2>Microgrid</h2>{sites}{clock}{circuits}</header>"
        f"<div class=parts>{_circuits(view.circuits)}{_capabilities(view)}{_power_sources(view.power_sources)}</div>"
        "</section>"
    )


def packets_panel(intake: Intake) -> str:
    """What came of late, from whom, and what was odd about it."""
    arrived, findings = intake.archive.arrived, intake.platform.findings
    odd = ", ".join(f"{count} {kind}" for kind, count in findings.most_common()) or "nothing odd"
    known = intake.platform.devices.known.values()
    devices = table(map(_device_row, islice(known, _MOST)), ("device", "packets", "repeats", "missing", ""))
    latest = table(map(_entry_row, intake.archive.newest_first(limit=_LINES)), ("at", "device", "packet", "answer", ""))
    return (
        f"<section class=panel><header><h2>Packets</h2><span class=muted>{arrived} came: {escape(odd)}</span></header>"
        f"<div class=parts><div class=wide><h3>Devices{_more(len(known))}</h3>{devices}</div>"
        f"<div class=wide><h3>Latest packets</h3>{latest}</div></div></section>"
        if arrived
        else "<p class=muted>No packet has come.</p>"
    )


def _more(count: int) -> str:
    return f", {_MOST} of {count:,}" if count > _MOST else ""


def _circuits(circuits: Sequence[CircuitView]) -> str:
    return (
        "".join(map(_circuit, circuits[:_MOST])) or "<div><h3>Circuit capacity</h3><span class=muted>none</span></div>"
    )


def _circuit(view: CircuitView) -> str:
    reason = view.changes[-1].reason if view.changes else "nothing was said yet"
    rows = [
        ("available", kw(view.available_kw, "–")),
        ("fail-safe", kw(view.fail_safe_kw, "–")),
        ("heartbeat", f"{view.heartbeat_status or '–'}, {time(view.last_heartbeat_at)}"),
        ("watchdog", time(view.watchdog_expires_at)),
        ("device", view.device),
    ]
    return (
        f'<div class="{view.standing}"><h3>Circuit capacity {escape(view.circuit)} {pill(view.standing)}</h3>'
        f"<div class=limit>{kw(view.kw, 'unknown')}</div><div class=muted>{escape(reason)}</div>{table(rows)}</div>"
    )


def _capabilities(view: MicrogridView) -> str:
    return "".join(_capability(name, view.capabilities.get(name)) for name in Capability)


def _capability(name: Capability, view: CapabilityView | None) -> str:
    title = name.replace("_", " ")
    if view is None:
        return f"<div><h3>{title}</h3><span class=muted>no status yet</span></div>"
    rows = [
        ("because", f"{view.latest.measurand} {_text(view.latest.value)}"),
        ("as of", time(view.latest.at)),
        ("received", time(view.latest.received_at)),
        ("device", view.latest.device),
    ]
    freshness = "FRESH" if view.freshness.fresh else "STALE"
    age = f"<span class=muted>{view.freshness.age_seconds:,.0f} s old</span>"
    return f"<div><h3>{title}</h3>{pill(view.status)} {pill(freshness)} {age}{table(rows)}</div>"


def _power_sources(sources: Sequence[PowerSourceView]) -> str:
    return "".join(
        f"<div><h3>Power source {escape(one.id)}</h3>"
        f"{table((name, _text(latest.value), time(latest.at)) for name, latest in one.values.items())}</div>"
        for one in sources[:_MOST]
    )


def _device_row(device: Device) -> tuple[str, ...]:
    sequence = device.sequence
    told = [device.type or "", "" if sequence.alive else "dead", f"life {sequence.life + 1}" if sequence.life else ""]
    missing = str(len(sequence.missing))
    return device.id, str(device.packets), str(sequence.repeats), missing, ", ".join(filter(None, told))


def _entry_row(entry: Entry) -> tuple[str, ...]:
    packet = entry.packet
    name = f"{packet.type} {'' if packet.seq is None else packet.seq}" if packet else entry.verdict
    values = [f"{one.key} {_text(one.value)}" for one in packet.measurements] if packet else []
    odd = [f"[{one.kind}: {one.text}]" for one in entry.findings]
    told = [f"[told to {entry.misbehaviour}]"] if entry.misbehaviour else []
    status = "–" if entry.status is None else str(entry.status)
    return time(entry.arrived_at), entry.device, name, status, " ".join([", ".join(values), *odd, *told])


def _text(value: Value) -> str:
    if isinstance(value, list):
        return f"[{len(value)}]"
    return "none" if value is None else str(value)
