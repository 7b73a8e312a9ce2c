"""Vehicle types, vehicles and their duties."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from depot_sim.domain.configuration.document import CurvePoint, Duty, SimulationConfigurationDocument, Vehicle, Weekday
from depot_sim.domain.configuration.validation.finding import Finding, finding
from depot_sim.domain.kernel.problems import quoted
from depot_sim.domain.kernel.quantities import MS_PER_DAY, PPM

_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{17}")
_LATEST_DEPARTURE = 2 * MS_PER_DAY
_LONGEST_AWAY = 2 * MS_PER_DAY
WEEK = 7 * MS_PER_DAY
_DAYS = tuple(Weekday)


def check_fleet(document: SimulationConfigurationDocument) -> Iterator[Finding]:
    for index, vehicle_type in enumerate(document.vehicle_types):
        yield from _curve(f"/vehicle_types/{index}/charge_curve", vehicle_type.charge_curve)
    for index, vehicle in enumerate(document.vehicles):
        yield from _vehicle(f"/vehicles/{index}", vehicle)


def occupied(duty: Duty) -> list[tuple[int, int]]:
    """When a weekly duty keeps its bus away, as ms since Monday midnight; the end may lie beyond the week."""
    length = duty.returns.ms - duty.departs.ms
    begins = [(_DAYS.index(day) * MS_PER_DAY + duty.departs.ms) % WEEK for day in duty.days]
    return [(begin, begin + length) for begin in begins]


def _curve(pointer: str, points: Sequence[CurvePoint]) -> Iterator[Finding]:
    if len(points) < 2 or points[0].soc != 0 or points[-1].soc != PPM:
        ends = (
            f"{len(points)} points"
            if len(points) < 2
            else f"points from {_percent(points[0])} to {_percent(points[-1])}"
        )
        yield finding(pointer, ends, "points from 0 % to 100 %")
    for index in range(1, len(points)):
        if points[index].soc <= points[index - 1].soc:
            expected = f"more than {_percent(points[index - 1])}, the point before"
            yield finding(f"{pointer}/{index}/soc", _percent(points[index]), expected)


def _percent(point: CurvePoint) -> str:
    return f"{point.soc / 10_000:g} %"


def _vehicle(pointer: str, vehicle: Vehicle) -> Iterator[Finding]:
    if vehicle.vin and _VIN.fullmatch(vehicle.vin) is None:
        expected = "a VIN: 17 capital letters and digits without I, O and Q"
        yield finding(f"{pointer}/vin", quoted(vehicle.vin), expected)
    sound = []
    for index, duty in enumerate(vehicle.duties):
        faults = list(_duty(f"{pointer}/duties/{index}", duty))
        yield from faults
        if not faults:
            sound.append((index, duty))
    yield from _order(pointer, [(index, duty) for index, duty in sound if duty.departs.since_start])
    yield from _weekly_order(pointer, [(index, duty) for index, duty in sound if not duty.departs.since_start])


def _duty(pointer: str, duty: Duty) -> Iterator[Finding]:
    departs, returns = duty.departs, duty.returns
    if departs.since_start != returns.since_start:
        form = "the form of departs: both since the run's start (+HH:MM) or neither"
        yield finding(f"{pointer}/returns", quoted(returns), form)
    elif returns.ms <= departs.ms:
        expected = f'a time after "{departs}"; write "25:10" for 01:10 the next day'
        yield finding(f"{pointer}/returns", quoted(returns), expected)
    elif not departs.since_start:
        yield from _daily_limits(pointer, duty)
    if duty.energy is None and duty.distance == 0:
        yield finding(pointer, "neither distance nor energy", 'a distance, or an energy (which may be "0 kWh")')
    yield from _days(f"{pointer}/days", duty)


def _daily_limits(pointer: str, duty: Duty) -> Iterator[Finding]:
    if duty.departs.ms >= _LATEST_DEPARTURE:
        yield finding(f"{pointer}/departs", quoted(duty.departs), 'a time before "48:00"')
    elif duty.returns.ms - duty.departs.ms > _LONGEST_AWAY:
        yield finding(f"{pointer}/returns", quoted(duty.returns), "a time at most 48 hours after departs")


def _days(pointer: str, duty: Duty) -> Iterator[Finding]:
    if not duty.days:
        yield finding(pointer, "no days", "at least one day")
    seen: set[Weekday] = set()
    for index, day in enumerate(duty.days):
        if day in seen:
            yield finding(f"{pointer}/{index}", day.value, "each day once")
        seen.add(day)


def _order(pointer: str, duties: Sequence[tuple[int, Duty]]) -> Iterator[Finding]:
    """Duties since the run's start: each begins when the one before has ended."""
    for (_, before), (index, duty) in pairwise(duties):
        if duty.departs.ms < before.returns.ms:
            expected = f'a time from "{before.returns}" on, when duty {quoted(before.id)} ends'
            yield finding(f"{pointer}/duties/{index}/departs", quoted(duty.departs), expected)


def _weekly_order(pointer: str, duties: Sequence[tuple[int, Duty]]) -> Iterator[Finding]:
    """Duties of a weekly timetable: in order within a day, none overlapping another, the week's end included."""
    for (_, before), (index, duty) in pairwise(duties):
        if duty.departs.ms < before.departs.ms and set(duty.days) & set(before.days):
            expected = f"duties in order of departure; {quoted(before.id)} before it departs at {before.departs}"
            yield finding(f"{pointer}/duties/{index}/departs", quoted(duty.departs), expected)
    yield from _overlaps(pointer, duties)


def _overlaps(pointer: str, duties: Sequence[tuple[int, Duty]]) -> Iterator[Finding]:
    spans = sorted((begin, end, index) for index, duty in duties for begin, end in occupied(duty))
    by_index = dict(duties)
    reported = set()
    for (_, end, index), (next_begin, _, next_index) in pairwise([*spans, *_next_week(spans[:1])]):
        pair = frozenset((index, next_index))
        if next_begin < end and pair not in reported:
            reported.add(pair)
            yield _overlap(pointer, by_index, max(pair), min(pair))


def _next_week(spans: Sequence[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    return [(begin + WEEK, end + WEEK, index) for begin, end, index in spans]


def _overlap(pointer: str, duties: dict[int, Duty], later: int, earlier: int) -> Finding:
    duty, other = duties[later], duties[earlier]
    which = (
        f"duty {quoted(other.id)} ({other.departs} to {other.returns})" if later != earlier else "itself the next day"
    )
    found = f"{duty.departs} to {duty.returns}, which overlaps {which}"
    return finding(f"{pointer}/duties/{later}", found, "duties that do not overlap")
