"""Which problems an operation can be answered with, for the API description."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from depot_sim.adapters.control_api.problems import MEDIA_TYPE

_MEANINGS: Mapping[int, str] = {
    400: "The body is not JSON or YAML",
    401: "No token, or one that is not known here",
    403: "The token's role does not allow this",
    404: "There is no such thing",
    409: "The request clashes with the present state, or the run is held by another process",
    412: "If-Match names another version than the newest",
    413: "The body is too large",
    415: "The body is of a type that is not read here",
    422: "The input is not valid; every fault is told with its JSON pointer",
    428: "If-Match is missing",
    429: "Too many requests without a valid token came from the address; Retry-After says when to repeat",
    500: "A defect of depot-sim",
    503: "The event store cannot be used, a limit on work under way is reached, or too little memory is left; "
    "Retry-After says when to repeat",
}

PROBLEM_RESPONSES: Mapping[str, Any] = {
    str(status): {
        "description": meaning,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status, meaning in _MEANINGS.items()
}


def problem_statuses(method: str, opt: Mapping[str, Any], *, has_body: bool, in_path: bool) -> Iterator[int]:
    """In ascending order. `names_others` in `opt`: the body names things that there may not be."""
    if has_body:
        yield 400
    if not opt.get("open"):
        yield from (401, 403)
    if in_path or opt.get("names_others"):
        yield 404
    if method != "GET":
        yield 409
    if "If-Match" in opt.get("headers", ()):
        yield 412
    if has_body:
        yield from (413, 415)
    if not opt.get("open"):
        yield 422
    if method == "PUT":
        yield 428
    if not opt.get("open"):
        yield 429
    yield from (500, 503)
