"""What the control routes have in common: JSON in and out, and the problem that is an answer."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from aiohttp import web

from depot_sim.standin.bodies import read_body

Order = TypeVar("Order")


class Problem(Exception):
    """An answer other than success."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


async def body(request: web.Request, type: type[Order]) -> Order:
    """An absent body counts as an empty object. Raises Problem."""
    try:
        return msgspec.json.decode(await read_body(request) or b"{}", type=type)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
        raise Problem(422, str(problem)) from problem


def query(request: web.Request, type: type[Order]) -> Order:
    """The query's parameters. Raises Problem."""
    return convert(dict(request.query), type, strict=False)


def convert(value: Any, type: type[Order], *, strict: bool) -> Order:
    try:
        return msgspec.convert(value, type=type, strict=strict)
    except msgspec.ValidationError as problem:
        raise Problem(422, str(problem)) from problem


def json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")
