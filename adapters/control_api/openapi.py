"""/openapi.json: the API described (OpenAPI 3.1) from its own routes, so that nothing is told twice.

Schemas are those of the Structs that bodies, queries and answers really are, with their docstrings.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from inspect import cleandoc
from typing import Any, get_args, get_origin

import msgspec
from litestar import Litestar, Response, get
from litestar.enums import MediaType
from litestar.handlers import HTTPRouteHandler
from litestar.response import Stream
from litestar.routes import HTTPRoute

from depot_sim.adapters.control_api.access import OPEN
from depot_sim.adapters.control_api.errors_described import PROBLEM_RESPONSES, problem_statuses
from depot_sim.adapters.control_api.problems import Problem
from depot_sim.adapters.control_api.requests import ApiRequest, Declared
from depot_sim.adapters.control_api.schemas import Schemas
from depot_sim.domain.configuration.document import SimulationConfigurationDocument

Node = dict[str, Any]

_DEFINITION_TYPES = ("application/json", "application/yaml")
_HEADERS: Mapping[str, str] = {
    "Idempotency-Key": "A text of your own for this request: sent again with it, it gets the first answer again.",
    "If-Match": "The ETag of the version that was read.",
    "If-None-Match": "An ETag: 304 is answered when nothing has changed since.",
    "Last-Event-ID": "The id of the last event received; browsers send it by themselves.",
    "X-Correlation-ID": "Kept with every event this request makes.",
    "X-Request-ID": "Kept with every event this request makes.",
}


@get("/openapi.json", summary="Read this description", opt=OPEN, sync_to_thread=False)
def get_description(request: ApiRequest) -> Response[bytes]:
    """OpenAPI 3.1."""
    return Response(_described(request.app), media_type=MediaType.JSON)


@cache
def _described(app: Litestar) -> bytes:
    return msgspec.json.encode(describe(app))


def describe(app: Litestar) -> Node:
    """The whole description as plain values."""
    operations = [
        (route.path_format, method, _Operation(route, handler))
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for method, handler in sorted(_by_method(route).items())
    ]
    schemas = Schemas()
    schemas.of(Problem)
    paths: Node = {}
    for path, method, operation in operations:
        paths.setdefault(path, {})[method.lower()] = operation.described(method, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "depot-sim control API",
            "version": "1",
            "description": "A simulated depot of electric buses. Errors are problem documents (RFC 9457).",
        },
        "security": [{"bearer": []}, {}],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "responses": PROBLEM_RESPONSES,
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Viewers may read, operators may also change. None is needed on loopback.",
                }
            },
        },
    }


def _by_method(route: HTTPRoute) -> Mapping[str, HTTPRouteHandler]:
    """Without OPTIONS, which every path takes."""
    handlers = route.route_handlers
    return {method: each for each in handlers for method in each.http_methods if method != "OPTIONS"}


class _Operation:
    def __init__(self, route: HTTPRoute, handler: HTTPRouteHandler) -> None:
        self._route = route
        self._handler = handler
        self._opt = handler.opt
        asked = handler.resolve_dependencies().get("asked")
        self._body = asked.shape if isinstance(asked, Declared) and asked.place == "body" else None
        self._query = asked.shape if isinstance(asked, Declared) and asked.place == "query" else None
        self._answer = _answer(handler.parsed_fn_signature.return_type.annotation)

    def described(self, method: str, schemas: Schemas) -> Node:
        node: Node = {
            "operationId": self._handler.name or self._handler.handler_name.rpartition(".")[2],
            "summary": self._handler.summary,
            "description": self._description(),
            "tags": sorted(self._handler.resolve_tags()) or ["Service"],
            "parameters": [*self._path(), *self._query_parameters(schemas), *self._headers(method)],
            "responses": self._responses(method, schemas),
        }
        if self._opt.get("open"):
            node["security"] = []
        if content := self._content(schemas):
            required = self._body is None or any(field.required for field in msgspec.structs.fields(self._body))
            node["requestBody"] = {"required": required, "content": content}
        return node

    def _description(self) -> str:
        said = [self._handler.description or self._handler.fn.__doc__ or ""]
        if self._query is not None:
            said.append(self._query.__doc__ or "")
        return "\n\n".join(cleandoc(text) for text in said if text)

    def _path(self) -> list[Node]:
        return [
            {"name": name, "in": "path", "required": True, "schema": {"type": _json_type(parameter.type)}}
            for name, parameter in self._route.path_parameters.items()
        ]

    def _query_parameters(self, schemas: Schemas) -> list[Node]:
        if self._query is None:
            return []
        return [
            {"name": name, "in": "query", "required": required, "schema": _never_null(schema)}
            for name, required, schema in schemas.fields(self._query)
        ]

    def _headers(self, method: str) -> list[Node]:
        names = [*self._opt.get("headers", ())]
        if method != "GET":
            names += ["X-Correlation-ID", "X-Request-ID"]
        return [
            {
                "name": name,
                "in": "header",
                "required": name == "If-Match" and method == "PUT",
                "schema": {"type": "string"},
                "description": _HEADERS[name],
            }
            for name in names
        ]

    def _content(self, schemas: Schemas) -> Node:
        if self._body is not None:
            return {media_type: {"schema": schemas.of(self._body)} for media_type in _DEFINITION_TYPES}
        if self._opt.get("takes_definition"):
            schema = schemas.of(SimulationConfigurationDocument)
            return {media_type: {"schema": schema} for media_type in _DEFINITION_TYPES}
        return {media_type: {} for media_type in self._opt.get("media_types", ())}

    def _responses(self, method: str, schemas: Schemas) -> Node:
        status = str(self._opt.get("status", self._handler.status_code))
        fine: Node = {"description": "Done" if method != "GET" else "What was asked for"}
        if self._answer is bytes:
            fine["content"] = {str(self._handler.media_type or MediaType.JSON): {}}
        elif self._answer is not None:
            fine["content"] = {"application/json": {"schema": schemas.of(self._answer)}}
            fine["content"] |= {media_type: {} for media_type in self._opt.get("media_types_out", ())}
        responses: Node = {status: fine}
        if "If-None-Match" in self._opt.get("headers", ()):
            responses["304"] = {"description": "What the client has is still right"}
        has_body = bool(self._content(schemas))
        for number in problem_statuses(method, self._opt, has_body=has_body, in_path=bool(self._route.path_parameters)):
            responses[str(number)] = {"$ref": f"#/components/responses/{number}"}
        return responses


def _answer(annotation: Any) -> Any:
    """What is in the body of the answer: a Struct, a list of them, bytes, or None for no body."""
    if get_origin(annotation) is Response:
        return get_args(annotation)[0]
    members = [member for member in get_args(annotation) if member is not Stream]
    if get_origin(annotation) is not list and len(members) == 1:
        return _answer(members[0])
    return None if annotation in (None, type(None)) else annotation


def _json_type(type: type) -> str:
    return "integer" if type is int else "string"


def _never_null(schema: Node) -> Node:
    """A query leaves a parameter out instead of giving null."""
    if schema.get("default", "") is not None:
        return schema
    given: Node = schema["anyOf"][0]
    return given
