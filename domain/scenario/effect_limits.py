"""The limits of effects: which figures make sense, and in which direction an effect can work."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from domain.configuration.faults import one_of, quoted
from domain.errors import Fault
from domain.scenario.delays import LONGEST_MS
from domain.scenario.effects import (
    AnyEffect,
    Delay,
    Duplicate,
    How,
    Malform,
    Provoke,
    Reject,
    Reorder,
    Unavailable,
)
from domain.scenario.exchange import Direction, decode_json
from domain.scenario.family import Family
from domain.scenario.pointers import is_pointer

MOST_COPIES = 100
LONGEST_SHIFT_MS = 366 * LONGEST_MS


def effect_faults(effect: AnyEffect, family: Family) -> Iterator[Fault]:
    """Everything wrong with an effect, with pointers from the effect on."""
    match effect:
        case Reject(status=status):
            yield from _within("/status", status, 300, 599)
        case Unavailable(retry_after_s=int(seconds)):
            yield from _within("/retry_after_s", seconds, 0, 86_400)
        case Delay():
            yield from _delay(effect)
        case Duplicate(times=times):
            yield from _within("/times", times, 1, MOST_COPIES)
        case Reorder(behind=behind, at_most_ms=at_most_ms):
            yield from _within("/behind", behind, 1, MOST_COPIES)
            yield from _within("/at_most_ms", at_most_ms, 1, LONGEST_MS)
        case Malform():
            yield from _malform(effect)
        case Provoke(command=command) if command not in family.commands:
            yield Fault("/command", quoted(command), one_of(family.commands) if family.commands else "another effect")


def direction_fault(effect: AnyEffect, direction: Direction | None) -> str:
    """The direction that would do instead, or "" when this one does."""
    if direction is None or direction in effect.DIRECTIONS:
        return ""
    return " or ".join(sorted(allowed.value for allowed in effect.DIRECTIONS))


def direction_of(effect: AnyEffect, direction: Direction | None) -> Direction | None:
    """The direction asked for, or else the only one the effect has."""
    only = next(iter(effect.DIRECTIONS)) if len(effect.DIRECTIONS) == 1 else None
    return direction or only


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


def _is_json(text: str) -> bool:
    try:
        decode_json(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def _within(pointer: str, value: int, low: int, high: int) -> Iterator[Fault]:
    if not low <= value <= high:
        yield Fault(pointer, f"the number {value}", f"{low} to {high}")
