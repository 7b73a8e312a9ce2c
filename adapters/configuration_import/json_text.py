"""JSON text to dicts, lists and scalars, strictly: no NaN, no field twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, NoReturn

from depot_sim.adapters.configuration_import.limits import MOST_VALUES
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.pointer import child
from depot_sim.domain.kernel.problems import Faults, quoted


class _Repeating(dict[str, Any]):
    """An object with fields that stand in it more than once: JSON readers disagree on which of them counts."""

    repeated: tuple[str, ...] = ()


def parse_json(text: str) -> Any:
    """Raises InvalidInput with line and column where the text stops being JSON, and for more than MOST_VALUES."""
    if _at_most_values(text) > MOST_VALUES:
        raise InvalidInput([Fault("", f"more than {MOST_VALUES:,} values", f"at most {MOST_VALUES:,} values")])
    repeating: list[_Repeating] = []

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) == len(pairs):
            return found
        repeating.append(_Repeating(found))
        repeating[-1].repeated = tuple(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        return repeating[-1]

    try:
        value = json.loads(text, object_pairs_hook=members, parse_constant=_refuse_constant, parse_int=_integer)
        faults = Faults()
        faults.extend(_repeated_fields(value, "") if repeating else ())
        faults.raise_if_any()
        return value
    except json.JSONDecodeError as error:
        fault = Fault("", f"malformed JSON ({error.msg})", "JSON", error.lineno, error.colno)
    except ValueError as error:
        fault = Fault("", str(error), "JSON")
    except RecursionError:
        fault = Fault("", "JSON nested too deep", "a document of a few levels")
    raise InvalidInput([fault])


def _at_most_values(text: str) -> int:
    """No fewer than the values in the text, counted before any memory is taken for them: one before each comma or end.

    Punctuation inside texts counts too, which only matters to documents that are nearly too large.
    """
    return text.count(",") + text.count("]") + text.count("}") + 1


def _repeated_fields(value: Any, pointer: str) -> Iterator[Fault]:
    """In the words of the YAML reader."""
    if isinstance(value, _Repeating):
        for name in value.repeated:
            yield Fault(child(pointer, name), f"the field {quoted(name)} a second time", "each field once")
    if isinstance(value, dict | list):
        for token, held in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _repeated_fields(held, child(pointer, token))


def _integer(digits: str) -> int:
    if len(digits) > 100:
        raise ValueError(f"a number of {len(digits):,} digits")
    return int(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name}, which is no JSON")
