"""Limits by name: the option `--limit NAME=VALUE` of every server behind the guard."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

HELP = "a limit of HTTP connections, such as head-seconds=20; docs/limits.md lists them; may be repeated"


class Limit(NamedTuple):
    """`field` is that of Limits or of a subclass; values are whole numbers unless the unit is seconds."""

    name: str
    field: str
    unit: str
    least: float
    most: float


CONNECTION_LIMITS = (
    Limit("head-bytes", "head_bytes", "bytes", 256, 2**24),
    Limit("head-seconds", "head_seconds", "seconds", 0.01, 86_400),
    Limit("body-seconds", "body_seconds", "seconds", 0.01, 86_400),
    Limit("body-bytes-per-second", "body_bytes_per_second", "bytes", 1, 2**30),
    Limit("body-bytes-under-way", "body_bytes_under_way", "bytes", 256, 2**40),
    Limit("response-seconds", "response_seconds", "seconds", 0.01, 86_400),
    Limit("idle-seconds", "idle_seconds", "seconds", 0.01, 86_400),
    Limit("connections", "connections", "connections", 1, 1_000_000),
    Limit("connections-per-address", "connections_per_address", "connections", 1, 1_000_000),
)


class LimitFault(NamedTuple):
    """What was given instead of a limit, and what would be one."""

    found: str
    expected: str


def read_options(texts: Sequence[str], limits: Sequence[Limit]) -> tuple[dict[str, float], list[LimitFault]]:
    """The values of texts NAME=VALUE by the fields of these limits, and every fault."""
    by_name = {limit.name: limit for limit in limits}
    values: dict[str, float] = {}
    faults: list[LimitFault] = []
    for text in texts:
        name, _, value = text.partition("=")
        limit = by_name.get(name.strip())
        number = None if limit is None else _number(value.strip(), limit)
        if limit is None:
            faults.append(LimitFault(repr(text), _near(name, list(by_name))))
        elif number is None:
            expected = f"{limit.name}=VALUE, {limit.least:g} to {limit.most} {limit.unit}"
            faults.append(LimitFault(repr(text), expected))
        elif limit.field in values:
            faults.append(LimitFault(f"{limit.name} twice", "each limit once"))
        else:
            values[limit.field] = number
    return values, faults


def _number(text: str, limit: Limit) -> float | None:
    try:
        number = float(text) if limit.unit == "seconds" else int(text)
    except ValueError:
        return None
    return number if limit.least <= number <= limit.most else None


def _near(name: str, names: Sequence[str]) -> str:
    near = get_close_matches(name.strip()[:100], names, n=1)
    return f"did you mean {near[0]}=VALUE?" if near else f"NAME=VALUE with a name of {', '.join(names)}"
