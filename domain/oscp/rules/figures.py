"""Reported figures against what the world's own meters measured for the window, within the session's tolerance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from depot_sim.domain.oscp.events import Policy
from depot_sim.domain.oscp.findings import Finding, Kind
from depot_sim.domain.oscp.rules.context import Case, WindowMeters
from depot_sim.domain.oscp.rules.measured import POWER_UNITS
from depot_sim.domain.oscp.vocabulary import EnergyFlow, EnergyType, Phase, Unit
from depot_sim.domain.oscp.wire.messages import EnergyMeasurement, InstantaneousMeasurement
from depot_sim.domain.oscp.wire.quantities import decimal_text

WINDOW_INCOMPLETE = "world.window-incomplete"
_PPM = 1_000_000
_WHOLE = frozenset({Phase.ALL, Phase.UNKNOWN})
_EACH = frozenset({Phase.ONE, Phase.TWO, Phase.THREE})
_PARTS = frozenset({EnergyType.FLEXIBLE, EnergyType.NONFLEXIBLE})


def fresh_world(case: Case) -> Iterator[Finding]:
    """A world that stands still, or has not come to the window, cannot tell right from wrong."""
    age, oldest = case.context.world_age_ms, case.attached.policy.stale_after_ms
    if age > oldest:
        yield Finding("world.stale", Kind.STALE, f"a world that has not moved for {age} ms", f"at most {oldest} ms")
    elif _closed_window(case) and case.context.meters is None:
        yield Finding("world.no-meters", Kind.STALE, "no metered values for the window", "the world's meters")


def whole_window_metered(case: Case) -> Iterator[Finding]:
    """A run that began or paused within the window has measured less than the platform may have."""
    meters = case.context.meters
    if _closed_window(case) and meters is not None and not meters.complete:
        yield Finding(WINDOW_INCOMPLETE, Kind.NUMBERS, "a run that missed part of it", "a window it covered")


def energy(case: Case) -> Iterator[Finding]:
    meters, policy = _comparable(case), case.attached.policy
    if meters is None:
        return
    for flow in EnergyFlow:
        measured = [(place, one) for place, _, one in case.energies if one.direction is flow]
        reported, metered = _energy([one for _, one in measured]), _metered(meters, flow)
        if reported is not None and not _close(reported, metered, policy.energy_floor_wh * 1_000, policy):
            found = f"{flow} {decimal_text(reported // 1_000)} kWh"
            expected = f"{decimal_text(metered // 1_000)} kWh as metered"
            yield Finding("measurement.energy", Kind.NUMBERS, found, expected, f"{measured[0][0]}/value")


def maximum(case: Case) -> Iterator[Finding]:
    meters, policy = _comparable(case), case.attached.policy
    measured = case.maxima
    reported = _maximum([one for _, _, one in measured])
    if meters is None or reported is None:
        return
    if not _close(reported, meters.max_w * 1_000, policy.power_floor_w * 1_000, policy):
        found, expected = f"{decimal_text(reported // 1_000)} kW", f"{decimal_text(meters.max_w)} kW as metered"
        yield Finding("measurement.maximum", Kind.NUMBERS, found, expected, f"{measured[0][0]}/value")


def _closed_window(case: Case) -> bool:
    window = case.metered_window
    return window is not None and window[1] <= case.context.now


def _comparable(case: Case) -> WindowMeters | None:
    """The meters to hold the message against: those of a whole window, and only if it speaks of one thing."""
    meters, is_stale = case.context.meters, case.context.world_age_ms > case.attached.policy.stale_after_ms
    if meters is None or not meters.complete or is_stale or not _closed_window(case):
        return None
    things = {asset for _, asset, _ in (*case.energies, *case.maxima)}
    return meters if len(things) == 1 else None


def _metered(meters: WindowMeters, flow: EnergyFlow) -> int:
    match flow:
        case EnergyFlow.IMPORT:
            return meters.energy_import_wh_milli
        case EnergyFlow.EXPORT:
            return meters.energy_export_wh_milli
        case EnergyFlow.NET:
            return meters.energy_import_wh_milli - meters.energy_export_wh_milli


def _energy(measured: Sequence[EnergyMeasurement]) -> int | None:
    """Total energy in mWh; None when the parts given do not make the whole."""
    totals = [one for one in measured if one.energy_type is EnergyType.TOTAL]
    if not totals and {one.energy_type for one in measured} != _PARTS:
        return None
    return _over_phases([(one.phase, _scaled(one)) for one in totals or measured])


def _maximum(measured: Sequence[InstantaneousMeasurement]) -> int | None:
    """Highest load in mW; None when it is no power, or not of all phases."""
    if any(one.unit not in POWER_UNITS for one in measured):
        return None
    whole = [_scaled(one) for one in measured if one.phase in _WHOLE]
    return max(whole) if whole else _over_phases([(one.phase, _scaled(one)) for one in measured])


def _scaled(one: EnergyMeasurement | InstantaneousMeasurement) -> int:
    return one.value_milli * 1_000 if one.unit in {Unit.KW, Unit.KWH} else one.value_milli


def _over_phases(values: Sequence[tuple[Phase, int]]) -> int | None:
    whole = [value for phase, value in values if phase in _WHOLE]
    if whole:
        return sum(whole)
    return sum(value for _, value in values) if {phase for phase, _ in values} == _EACH else None


def _close(reported: int, metered: int, floor: int, policy: Policy) -> bool:
    return abs(reported - metered) <= max(abs(metered) * policy.tolerance_ppm // _PPM, floor)


RULES = (fresh_world, whole_window_metered, energy, maximum)
