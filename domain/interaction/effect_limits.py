"""The limits of effects: which figures make sense, and in which direction an effect can work."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from depot_sim.domain.interaction.delays import LONGEST_MS
from depot_sim.domain.interaction.effects import (
    AnyEffect,
    Delay,
    Distort,
    Distortion,
    Duplicate,
    Effect,
    How,
    Malform,
    Provoke,
    Reject,
    Reorder,
    Unavailable,
)
from depot_sim.domain.interaction.family import Family
from depot_sim.domain.interaction.message import Direction, decode_json
from depot_sim.domain.interaction.pointers import is_pointer
from depot_sim.domain.kernel.errors import Fault
from depot_sim.domain.kernel.problems import one_of, quoted

MOST_COPIES = 100
LONGEST_SHIFT_MS = 366 * LONGEST_MS
LONGEST_JUMP = 10**9
MOST_KEYS = 100
LONGEST_KEY = 200


def effect_faults(effect: AnyEffect, family: Family) -> Iterator[Fault]:
    """Everything wrong with an effect, with pointers from the effect on."""
    if type(effect) not in family.effects:
        yield Fault("/type", quoted(_tag(type(effect))), one_of(sorted(map(_tag, family.effects))))
    else:
        yield from _figures(effect, family)


def _figures(effect: AnyEffect, family: Family) -> Iterator[Fault]:
    match effect:
        case Reject(status=status):
            yield from _within("/status", status, 300, 599)
        case Unavailable(retry_after_s=int(seconds)):
            yield from _within("/retry_after_s", seconds, 0, 86_400)
        case Delay():
            yield from _delay(effect)
        case Duplicate(times=times):
            yield from _within("/times", times, 1, MOST_COPIES)
            yield from _copies(effect, family)
        case Reorder(behind=behind, at_most_ms=at_most_ms):
            yield from _within("/behind", behind, 1, MOST_COPIES)
            yield from _within("/at_most_ms", at_most_ms, 1, LONGEST_MS)
        case Malform():
            yield from _malform(effect)
        case Distort():
            yield from _distort(effect)
        case Provoke(command=command) if command not in family.commands:
            yield Fault("/command", quoted(command), one_of(family.commands) if family.commands else "another effect")


def direction_fault(effect: AnyEffect, direction: Direction | None, family: Family) -> str:
    """The direction that would do instead, or "" when this one does."""
    allowed = _directions(effect, family)
    return "" if direction is None or direction in allowed else " or ".join(sorted(one.value for one in allowed))


def direction_of(effect: AnyEffect, direction: Direction | None, family: Family) -> Direction | None:
    """The direction asked for, or else the only one the effect has."""
    allowed = _directions(effect, family)
    only = next(iter(allowed)) if len(allowed) == 1 else None
    return direction or only


def _directions(effect: AnyEffect, family: Family) -> frozenset[Direction]:
    return family.effects.get(type(effect), effect.DIRECTIONS)


def _tag(effect: type[Effect]) -> str:
    return str(effect.__struct_config__.tag)


def _copies(effect: Duplicate, family: Family) -> Iterator[Fault]:
    if effect.new_request_ids and not family.request_ids:
        yield Fault("/new_request_ids", "true", "false: copies are the same to the byte")


def _delay(delay: Delay) -> Iterator[Fault]:
    given = [form for form in (delay.fixed_ms, delay.uniform, delay.lognormal) if form is not None]
    if len(given) != 1:
        yield Fault("", f"{len(given)} of fixed_ms, uniform and lognormal", "exactly one of them")
    if delay.fixed_ms is not None:
        yield from _within("/fixed_ms", delay.fixed_ms, 0, LONGEST_MS)
    if delay.uniform is not None:
        yield from _within("/uniform/min_ms", delay.uniform.min_ms, 0, LONGEST_MS)
        yield from _within("/uniform/max_ms", delay.uniform.max_ms, max(0, delay.uniform.min_ms), LONGEST_MS)
    if delay.lognormal is not None:
        yield from _within("/lognormal/median_ms", delay.lognormal.median_ms, 1, LONGEST_MS)
        yield from _within("/lognormal/p95_ms", delay.lognormal.p95_ms, max(1, delay.lognormal.median_ms), LONGEST_MS)


def _malform(effect: Malform) -> Iterator[Fault]:
    if not is_pointer(effect.pointer):
        yield Fault("/pointer", quoted(effect.pointer), 'a JSON pointer such as "/forecasted_blocks/*/capacity"')
    if effect.how is How.REPLACED and not _is_json(effect.value):
        yield Fault("/value", quoted(effect.value), 'JSON as text, such as "0" or "[]"')
    if effect.how is How.SHIFTED_TIMESTAMPS:
        yield from _within("/by_ms", effect.by_ms, -LONGEST_SHIFT_MS, LONGEST_SHIFT_MS)


def _distort(effect: Distort) -> Iterator[Fault]:
    if len(effect.keys) > MOST_KEYS:
        yield Fault("/keys", f"{len(effect.keys)} keys", f"at most {MOST_KEYS}")
    for place, key in enumerate(effect.keys):
        if not 0 < len(key) <= LONGEST_KEY:
            yield Fault(f"/keys/{place}", f"{len(key)} characters", f"1 to {LONGEST_KEY}")
    match effect.how:
        case Distortion.REPLACED if not _is_json(effect.value):
            yield Fault("/value", quoted(effect.value), 'JSON as text, such as "100" or "null"')
        case Distortion.CLOCK_SKEW:
            yield from _some("/by_ms", effect.by_ms, LONGEST_SHIFT_MS)
        case Distortion.SEQUENCE_JUMP:
            yield from _some("/by", effect.by, LONGEST_JUMP)


def _is_json(text: str) -> bool:
    try:
        decode_json(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _within(pointer: str, value: int, low: int, high: int) -> Iterator[Fault]:
    if not low <= value <= high:
        yield Fault(pointer, f"the number {value}", f"{low} to {high}")


def _some(pointer: str, value: int, most: int) -> Iterator[Fault]:
    if value == 0 or abs(value) > most:
        yield Fault(pointer, f"the number {value}", f"-{most} to {most}, but not 0")
