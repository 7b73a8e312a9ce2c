"""JSON text to dicts, lists and scalars, strictly: no NaN, no field twice."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, NoReturn

from depot_sim.adapters.configuration_import.limits import MOST_VALUES
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.problems import quoted


class _DuplicateKey(Exception):
    """A field twice in one object: JSON readers disagree on which of the two counts."""


def parse_json(text: str) -> Any:
    """Raises InvalidInput with line and column where the text stops being JSON, and for more than MOST_VALUES."""
    if _at_most_values(text) > MOST_VALUES:
        raise InvalidInput([Fault("", f"more than {MOST_VALUES:,} values", f"at most {MOST_VALUES:,} values")])
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant, parse_int=_integer)
    except json.JSONDecodeError as error:
        fault = Fault("", f"malformed JSON ({error.msg})", "JSON", error.lineno, error.colno)
    except _DuplicateKey as error:
        fault = Fault("", f"the field {quoted(str(error))} twice in one object", "each field once")
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


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        counted = Counter(name for name, _ in pairs)
        raise _DuplicateKey(counted.most_common(1)[0][0])
    return members


def _integer(digits: str) -> int:
    if len(digits) > 100:
        raise ValueError(f"a number of {len(digits):,} digits")
    return int(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name}, which is no JSON")
