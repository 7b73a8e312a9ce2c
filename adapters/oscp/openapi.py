"""The protocol API described (OpenAPI 3.1): what a partner may send to a Capacity Provider, and what it is answered."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from depot_sim.adapters.oscp.openapi_schemas import SCHEMAS

Node = dict[str, Any]


class Route(NamedTuple):
    """A path below the prefix, the schema of its body, and the methods it takes. Of DELETE the body may be left out."""

    path: str
    schema: str
    summary: str
    methods: tuple[str, ...] = ("POST",)
    answers: bool = False
    """Whether its messages answer an earlier one."""


REGISTER = Route("register", "Register", "Register, or change or end a registration", ("POST", "PUT", "DELETE"))
MESSAGES = (
    Route("handshake", "Handshake", "Begin a connection"),
    Route("handshake_acknowledge", "HandshakeAcknowledge", "Acknowledge a handshake", answers=True),
    Route("heartbeat", "Heartbeat", "Say until when the sender counts as online"),
    Route("update_group_measurements", "UpdateGroupMeasurements", "Publish what a group was measured at"),
    Route("update_asset_measurements", "UpdateAssetMeasurements", "Publish what assets were measured at"),
    Route("adjust_group_capacity_forecast", "AdjustGroupCapacityForecast", "Ask for another forecast"),
    Route(
        "group_capacity_compliance_error",
        "GroupCapacityComplianceError",
        "Say that a forecast cannot be complied with",
        answers=True,
    ),
)
ROUTES = (*MESSAGES, REGISTER)

_OF_REGISTRATION = ("Register", "VersionUrl")

_NOT_REGISTERED_WITH = "The profile of the session knows no registration."
_ANSWERS = {
    "204": "Accepted.",
    "403": "Refused: the session is unknown, its state or its binding forbids the message, or the token is wrong.",
    "422": "Refused: headers or body are not as they should be.",
    "503": "The simulator cannot tell now; or it was told to say so.",
}


def description(prefix: str, *, registration: bool = True) -> bytes:
    """The description as JSON; `registration` says whether the register route is in it."""
    return msgspec.json.encode(describe(prefix, registration=registration))


def describe(prefix: str, *, registration: bool = True) -> Node:
    """The description as plain values."""
    routes = ROUTES if registration else MESSAGES
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "depot-sim OSCP Capacity Provider",
            "version": "2.0",
            "description": "OSCP 2.0 as a Capacity Provider receives it. Partner profiles may map paths, statuses and "
            "headers otherwise; this is what the profile betterfleet-vector asks for.",
        },
        "paths": {f"{prefix}/{route.path}": _path(route) for route in routes},
        "components": {
            "schemas": _schemas(registration),
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "Authorization"}},
        },
        "security": [{"token": []}, {}],
    }


def _schemas(registration: bool) -> Node:
    return {name: schema for name, schema in SCHEMAS.items() if registration or name not in _OF_REGISTRATION}


def _path(route: Route) -> Node:
    return {method.lower(): _operation(route, method) for method in route.methods}


def _operation(route: Route, method: str) -> Node:
    suffix = "" if method == "POST" else f"_{method.lower()}"
    answers = _ANSWERS | ({"404": _NOT_REGISTERED_WITH} if route is REGISTER else {})
    return {
        "operationId": f"{route.path}{suffix}",
        "summary": route.summary,
        "parameters": _parameters(route),
        "requestBody": {
            "required": method != "DELETE",
            "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{route.schema}"}}},
        },
        "responses": {status: _response(status, meaning) for status, meaning in sorted(answers.items())},
    }


def _parameters(route: Route) -> list[Node]:
    segment = {"type": "integer", "minimum": 1}
    return [
        _header("X-OSCP-Configuration-ID", "Which configuration, and so which session, it is for.", route != REGISTER),
        _header("X-Request-ID", "Another one for every message; the same one again is the same message again.", True),
        _header("X-Correlation-ID", "The X-Request-ID of the message that is answered.", route.answers),
        _header("X-Segment-Index", "Of a message in several parts, from 1 on.", False, segment),
        _header("X-Segment-Count", "Of a message in several parts: how many.", False, segment),
    ]


def _header(name: str, meaning: str, required: bool, schema: Node | None = None) -> Node:
    schema = schema or {"type": "string", "minLength": 1}
    return {"name": name, "in": "header", "required": required, "description": meaning, "schema": schema}


def _response(status: str, meaning: str) -> Node:
    if status == "204":
        return {"description": meaning}
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {"description": meaning, "content": content}
