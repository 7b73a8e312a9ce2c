"""Quantities within what can exist: no share above 100 %, no rating, limit or cadence of nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from depot_sim.domain.configuration import document as doc
from depot_sim.domain.configuration.validation.finding import Finding, finding
from depot_sim.domain.kernel.pointer import child
from depot_sim.domain.kernel.quantities import PPM, Share, SignedShare

# Where nothing at all makes no sense. Quantities are never negative already by their own parsing.
_ABOVE_ZERO: Mapping[type[doc.Part], tuple[str, ...]] = {
    doc.Node: ("limit",),
    doc.CurvePoint: ("power",),
    doc.VehicleType: ("battery", "consumption"),
    doc.Charger: ("rating", "efficiency", "ramp_up"),
    doc.Connector: ("cable_limit",),
    doc.Sensor: ("cadence",),
    doc.Bess: ("capacity", "rating", "efficiency", "ramp"),
    doc.PvArray: ("peak",),
    doc.MicrogridController: ("heartbeat_interval", "lost_after"),
    doc.LateReturns: ("median",),
    doc.RandomOutages: ("duration",),
}
_MOST_OUTAGES_PER_DAY = 24 * PPM
_FREE_SHARES = {(doc.RandomOutages, "per_day")}


def check_bounds(document: doc.SimulationConfigurationDocument) -> Iterator[Finding]:
    for pointer, part in _parts(document, ""):
        for field in _ABOVE_ZERO.get(type(part), ()):
            if getattr(part, field) == 0:
                yield finding(child(pointer, field), "zero", "more than zero")
        yield from _shares(pointer, part)


def _shares(pointer: str, part: doc.Part) -> Iterator[Finding]:
    for field in part.__struct_fields__:
        value = getattr(part, field)
        if isinstance(value, Share) and not isinstance(value, SignedShare):
            most = _MOST_OUTAGES_PER_DAY if (type(part), field) in _FREE_SHARES else PPM
            if value > most:
                yield finding(child(pointer, field), f"{value / 10_000:g} %", f"at most {most // 10_000:,} %")
        elif isinstance(value, SignedShare) and abs(value) >= PPM:
            yield finding(child(pointer, field), f"{value / 10_000:g} %", "between -100 % and 100 %")


def _parts(value: Any, pointer: str) -> Iterator[tuple[str, doc.Part]]:
    if isinstance(value, doc.Part):
        yield pointer, value
        for field in value.__struct_fields__:
            yield from _parts(getattr(value, field), child(pointer, field))
    elif isinstance(value, tuple):
        for index, entry in enumerate(value):
            yield from _parts(entry, child(pointer, index))
