"""Errors as RFC 9457 problem documents: a stable type, what happened, and what to do about it."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from depot_sim.adapters.control_api.near_paths import nearest_path
from depot_sim.application.http import Mask
from depot_sim.domain.kernel.errors import (
    Conflict,
    DepotSimError,
    Fault,
    InvalidInput,
    MemoryShort,
    NotFound,
    PreconditionFailed,
    RunHeldElsewhere,
    ServiceStopping,
    StoreError,
)
from depot_sim.read_models.errors import QueryRefused

MEDIA_TYPE = "application/problem+json"

PROBLEM_PREFIX = "urn:depot-sim:problem:"
"""What the types of all problem documents begin with."""

_log = logging.getLogger("depot_sim.control_api")


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong, after RFC 9457. `faults` are there for an invalid input, `holder` for a run held elsewhere."""

    type: str
    title: str
    status: int
    detail: str = ""
    hint: str = ""
    faults: tuple[Fault, ...] = ()
    holder: str = ""


class MalformedBody(InvalidInput):
    type = "malformed-body"
    title = "The body cannot be read"


class RequestError(DepotSimError):
    """What only HTTP can get wrong. Each kind names its type, its title and its status where it is declared."""

    status: ClassVar[int]

    def __init_subclass__(cls, *, type: str, title: str, status: int) -> None:
        cls.type, cls.title, cls.status = type, title, status


class UnsupportedMediaType(
    RequestError, type="unsupported-media-type", title="The body is of a type that is not read here", status=415
):
    pass


class PreconditionRequired(RequestError, type="precondition-required", title="If-Match is missing", status=428):
    pass


class Unauthorised(RequestError, type="unauthorised", title="A valid token is needed", status=401):
    pass


class Forbidden(RequestError, type="forbidden", title="This is not allowed", status=403):
    pass


class ClientDisconnected(
    RequestError,
    type="client-disconnected",
    title="The client disconnected before the end of its request",
    status=400,
):
    """The client is gone: no response can be delivered."""


class TooBusy(RequestError, type="too-busy", title="The service has as much of this to do as it takes on", status=503):
    pass


class TooManyRequests(
    RequestError, type="too-many-requests", title="Too many refused requests from this address", status=429
):
    pass


_OF_THE_DOOR = {error.status: error for error in (Unauthorised, Forbidden, TooManyRequests)}

_STATUSES: tuple[tuple[type[DepotSimError], int], ...] = (
    (MalformedBody, 400),
    (InvalidInput, 422),
    (NotFound, 404),
    (Conflict, 409),
    (PreconditionFailed, 412),
    (StoreError, 503),
    (ServiceStopping, 503),
    (MemoryShort, 503),
)

_QUERY_PARAMETERS = {"begin": "from", "end": "to", "resolution_ms": "resolution"}
"""What the read models call them, and what the API does."""

_MOST_ECHOED = 100
"""Characters of a path that a response repeats."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Those that a response repeats. Others are any text, also of strangers, who could guess secrets by what is masked."""

_MORE_MEMORY = "raise the service's limit of memory: see docs/operation.md"

_OF_HTTP = {
    400: ("bad-request", "The request cannot be understood", "send it as /openapi.json describes it"),
    404: ("no-such-route", "There is nothing at this path", "see /openapi.json for the paths there are"),
    405: ("method-not-allowed", "This path does not take this method", "see the Allow header for those it takes"),
    413: ("body-too-large", "The body is larger than is read here", "send at most 20 MiB of a definition, 1 MiB else"),
}


def status_of(error: type[DepotSimError]) -> int:
    """The status an error is answered with."""
    if issubclass(error, RequestError):
        return error.status
    return next((status for known, status in _STATUSES if issubclass(error, known)), 500)


def problem_of(error: DepotSimError) -> Problem:
    return Problem(
        type=_urn(error.type),
        title=error.title,
        status=status_of(type(error)),
        detail=error.detail,
        hint=error.hint,
        faults=error.faults if isinstance(error, InvalidInput) else (),
        holder=error.holder if isinstance(error, RunHeldElsewhere) else "",
    )


def answer_domain_error(request: Request[Any, Any, Any], error: DepotSimError) -> Response[bytes]:
    problem = problem_of(error)
    if isinstance(error, TooBusy | MemoryShort):
        _log.warning("%s: %s", error.type, error.detail)
    elif isinstance(error, ServiceStopping | ClientDisconnected):
        _log.info("%s: %s", error.type, error.detail)
    elif problem.status >= 500:
        _log.error("%s: %s", error.type, error.detail, exc_info=error)
    return _response(request, problem, _headers(problem.status))


def refusal(status: int, detail: str, hint: str) -> tuple[dict[str, str], bytes]:
    """Headers and body for a request that is refused before it reaches this application."""
    problem = problem_of(_OF_THE_DOOR[status](detail, hint))
    return {"content-type": MEDIA_TYPE, **_headers(status)}, msgspec.json.encode(problem)


def answer_refused_query(request: Request[Any, Any, Any], refused: QueryRefused) -> Response[bytes]:
    pointer = f"/{_QUERY_PARAMETERS.get(refused.parameter, refused.parameter)}"
    return answer_domain_error(request, InvalidInput([Fault(pointer, refused.detail, refused.hint)]))


def answer_http_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """The framework's own refusals."""
    if error.status_code >= 500:
        return answer_defect(request, error)
    slug, title, hint = _OF_HTTP.get(error.status_code, _OF_HTTP[400])
    problem = Problem(_urn(slug), title, error.status_code, _detail(request, error), _near(request, error) or hint)
    return _response(request, problem, error.headers or {})


def answer_defect(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """A bug: what it was is for the service's log, not for the caller."""
    _log.error("a request failed by a defect", exc_info=error)
    detail = "the request could not be carried out, by a defect of depot-sim"
    problem = Problem(_urn("internal"), "Something went wrong", 500, detail, "see the service's log")
    return _response(request, problem, {})


def answer_no_memory(request: Request[Any, Any, Any], _: MemoryError) -> Response[bytes]:
    """Estimates can be too low."""
    return answer_domain_error(request, MemoryShort("the request needs more memory than is left", _MORE_MEMORY))


EXCEPTION_HANDLERS: ExceptionHandlersMap = {
    DepotSimError: answer_domain_error,
    QueryRefused: answer_refused_query,
    HTTPException: answer_http_error,
    MemoryError: answer_no_memory,
    Exception: answer_defect,
}


def _detail(request: Request[Any, Any, Any], error: HTTPException) -> str:
    match error.status_code:
        case 404:
            return f"there is no {_echoed(_path(request))}"
        case 405:
            method = request.method if request.method in _METHODS else "this method"
            return f"{_echoed(_path(request))} does not take {method}"
        case 413:
            return ""
    return error.detail


def _path(request: Request[Any, Any, Any]) -> str:
    """Masked before it is cut or split: a part of a secret would not be recognised."""
    return request.app.state.backend.mask(request.url.path)  # type: ignore[no-any-return]


def _echoed(text: str) -> str:
    return text if len(text) <= _MOST_ECHOED else f"{text[:_MOST_ECHOED]}…"


def _near(request: Request[Any, Any, Any], error: HTTPException) -> str:
    if error.status_code != 404:
        return ""
    path = _path(request)
    if "//" in path:
        return "a segment of the path is empty (two slashes in a row): write the name or id there"
    near = nearest_path(request.app, path)
    return f"did you mean {near}? /openapi.json has every path" if near else ""


def _urn(slug: str) -> str:
    return f"{PROBLEM_PREFIX}{slug}"


def _headers(status: int) -> dict[str, str]:
    return {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "1"}}.get(status, {})


def _response(request: Request[Any, Any, Any], problem: Problem, headers: dict[str, str]) -> Response[bytes]:
    """Every problem is sent by this function. What it repeats of the request or of partners may hold secrets."""
    body = msgspec.json.encode(_masked(problem, request.app.state.backend.mask))
    return Response(body, status_code=problem.status, media_type=MEDIA_TYPE, headers=headers)


def _masked(problem: Problem, mask: Mask) -> Problem:
    faults = [
        msgspec.structs.replace(
            fault, pointer=mask(fault.pointer), found=mask(fault.found), expected=mask(fault.expected)
        )
        for fault in problem.faults
    ]
    return msgspec.structs.replace(
        problem,
        detail=mask(problem.detail),
        hint=mask(problem.hint),
        faults=tuple(faults),
        holder=mask(problem.holder),
    )
