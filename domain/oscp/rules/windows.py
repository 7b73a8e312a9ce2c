"""The time that measurements account for: one closed quarter of an hour after the other, or readings that go on."""

from __future__ import annotations

from collections.abc import Iterator

from depot_sim.domain.oscp.findings import Finding, Kind
from depot_sim.domain.oscp.forecast import QUARTER_MS
from depot_sim.domain.oscp.rules.context import Case
from depot_sim.domain.oscp.rules.measured import LIST, POWER_UNITS
from depot_sim.domain.oscp.vocabulary import EnergyType, MeasurementConfiguration
from depot_sim.domain.oscp.wire.messages import AssetMeasurements, EnergyMeasurement
from depot_sim.domain.oscp.wire.shown import quoted
from depot_sim.domain.oscp.wire.times import format_instant


def begin_given(case: Case) -> Iterator[Finding]:
    """Registers that start anew with every window say when; registers that go on have no such moment."""
    wanted = _is_intermittent(case)
    for pointer, _, energy in case.energies:
        begin, place = energy.initial_measure_time, f"{pointer}/initial_measure_time"
        if wanted and begin is None:
            expected = "the begin of the window, as for INTERMITTENT"
            yield Finding("measurement.initial-time-missing", Kind.SEMANTICS, "nothing", expected, place)
        elif not wanted and begin is not None:
            expected = "nothing, as for CONTINUOUS"
            yield Finding("measurement.initial-time-given", Kind.SEMANTICS, format_instant(begin), expected, place)


def quarter_long(case: Case) -> Iterator[Finding]:
    for pointer, energy, begin in _windows(case):
        if energy.measure_time - begin != QUARTER_MS:
            found = _span(begin, energy.measure_time)
            yield Finding("measurement.window-length", Kind.SEMANTICS, found, "a window of 15 minutes", pointer)


def aligned(case: Case) -> Iterator[Finding]:
    for pointer, energy, _ in _windows(case):
        if energy.measure_time % QUARTER_MS:
            found, place = format_instant(energy.measure_time), f"{pointer}/measure_time"
            yield Finding("measurement.window-alignment", Kind.SEMANTICS, found, "a full quarter of an hour", place)


def closed(case: Case) -> Iterator[Finding]:
    """Nobody can have measured what has not been yet."""
    now = case.context.now
    for pointer, at in _measure_times(case):
        if at > now:
            found, expected = format_instant(at), f"no later than {format_instant(now)}"
            yield Finding("measurement.window-open", Kind.SEMANTICS, found, expected, f"{pointer}/measure_time")


def shared(case: Case) -> Iterator[Finding]:
    first: tuple[int, int] | None = None
    for pointer, energy, begin in _windows(case):
        window = begin, energy.measure_time
        first = first or window
        if window != first:
            found, expected = _span(*window), f"{_span(*first)}, as the first measurement"
            yield Finding("measurement.window-mixed", Kind.SEMANTICS, found, expected, pointer)


def next_in_line(case: Case) -> Iterator[Finding]:
    """No moment is accounted for twice. A window left out is recorded, for nothing can bring it back."""
    window, last = case.window, case.state.last_window_end.get(case.type.value)
    if window is None or last is None:
        return
    begin, end = window
    if not _is_intermittent(case):
        if begin <= last:
            found, expected = format_instant(begin), f"a reading after {format_instant(last)}"
            yield Finding("measurement.not-later", Kind.SEMANTICS, found, expected)
    elif begin < last:
        expected = f"a window from {format_instant(last)} on"
        yield Finding("measurement.window-overlap", Kind.SEMANTICS, _span(begin, end), expected)
    elif begin > last:
        yield Finding("measurement.window-missing", Kind.NUMBERS, _span(begin, end), f"{_span(last, begin)} first")


def each_once(case: Case) -> Iterator[Finding]:
    """A series says one thing per moment, and its readings go on in time."""
    latest: dict[tuple[str, ...], int] = {}
    for pointer, asset_id, energy in case.energies:
        series = (asset_id, energy.phase, energy.direction, energy.energy_type)
        before = latest.get(series)
        if before is not None and energy.measure_time <= before:
            found, expected = format_instant(energy.measure_time), f"a time after {format_instant(before)}"
            yield Finding("measurement.repeated", Kind.SEMANTICS, found, expected, f"{pointer}/measure_time")
        latest[series] = energy.measure_time


def energy_and_maximum(case: Case) -> Iterator[Finding]:
    """An asset reports its total energy and its highest load of the window, in one measurement or in two."""
    if not _is_intermittent(case) or not isinstance(case.message, AssetMeasurements):
        return
    totals = {asset for _, asset, energy in case.energies if energy.energy_type is EnergyType.TOTAL}
    highest = {asset for _, asset, _ in case.maxima}
    for asset_id in dict.fromkeys(measurement.asset_id for measurement in case.message.measurements):
        expected = f"one of asset {quoted(asset_id)}"
        if asset_id not in totals:
            yield Finding("measurement.energy-missing", Kind.SEMANTICS, "no total energy", expected, LIST)
        if asset_id not in highest:
            yield Finding("measurement.maximum-missing", Kind.SEMANTICS, "no highest load", expected, LIST)


def maximum_within(case: Case) -> Iterator[Finding]:
    window = case.window
    if window is None or not _is_intermittent(case):
        return
    for pointer, _, highest in case.maxima:
        if not window[0] <= highest.measure_time <= window[1]:
            found, place = format_instant(highest.measure_time), f"{pointer}/measure_time"
            yield Finding("measurement.maximum-outside", Kind.SEMANTICS, found, f"a time in {_span(*window)}", place)


def maximum_is_power(case: Case) -> Iterator[Finding]:
    for pointer, _, highest in case.maxima:
        if highest.unit not in POWER_UNITS:
            found = highest.unit.value
            yield Finding("measurement.maximum-unit", Kind.SEMANTICS, found, "W or KW", f"{pointer}/unit")


def _is_intermittent(case: Case) -> bool:
    return case.attached.measurement_configuration is MeasurementConfiguration.INTERMITTENT


def _windows(case: Case) -> Iterator[tuple[str, EnergyMeasurement, int]]:
    """(pointer, energy, begin of its window); nothing where registers go on."""
    if _is_intermittent(case):
        for pointer, _, energy in case.energies:
            if energy.initial_measure_time is not None:
                yield pointer, energy, energy.initial_measure_time


def _measure_times(case: Case) -> Iterator[tuple[str, int]]:
    yield from ((pointer, energy.measure_time) for pointer, _, energy in case.energies)
    yield from ((pointer, highest.measure_time) for pointer, _, highest in case.maxima)


def _span(begin: int, end: int) -> str:
    return f"{format_instant(begin)} to {format_instant(end)}"


RULES = (begin_given, quarter_long, aligned, closed, shared, next_in_line, each_once)
ASSET_RULES = (energy_and_maximum, maximum_within, maximum_is_power)
