"""Reading requests: bodies and queries by their Struct with every fault at once, who asks, and conditions."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, Literal, TypeVar

import msgspec
from litestar import Request
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import InternalServerException
from msgspec import inspect

from depot_sim.adapters.control_api.backend import Backend, Parsed
from depot_sim.adapters.control_api.problems import ClientDisconnected, MalformedBody, UnsupportedMediaType
from depot_sim.adapters.control_api.workers import BODIES, Workers
from depot_sim.application.access.actors import Actor
from depot_sim.application.repository import Origin
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.pointer import child
from depot_sim.domain.kernel.problems import Faults
from depot_sim.domain.kernel.reading import description_of, read
from depot_sim.domain.kernel.written_secrets import SecretWritten

S = TypeVar("S", bound=msgspec.Struct)

_INLINE_BYTES = {"application/json": 64 * 2**10}
_INLINE_BYTES_ELSE = 2 * 2**10
"""Bodies up to here are parsed in the event loop: handing them to a thread would take longer. YAML takes 30 times as
long to parse as JSON."""
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_HEADER = re.compile(r"[\x21-\x7e]{1,200}")


class ApiRequest(Request[Actor, None, State]):
    """A request that knows the backend and who asks."""

    @property
    def backend(self) -> Backend:
        backend: Backend = self.app.state.backend
        return backend

    @property
    def origin(self) -> Origin:
        """For the record of every event this request makes. Raises InvalidInput for ids that cannot be kept."""
        request_id, correlation_id = self._id("X-Request-ID"), self._id("X-Correlation-ID")
        return Origin(self.user.name, causation_id=request_id, correlation_id=correlation_id or request_id)

    @property
    def key(self) -> str | None:
        """The Idempotency-Key."""
        return self.headers.get("idempotency-key")

    async def parsed(self, workers: Workers = BODIES) -> Parsed:
        """The body as plain values.

        Raises MalformedBody with line and column, SecretWritten, UnsupportedMediaType, and MemoryShort before a body is
        parsed that does not fit into the memory that is left.
        """
        parsers, media_type = self.backend.documents.parsers, _as_json(self.media_type)
        parse = parsers.get(media_type)
        if parse is None:
            found = f"{self.media_type!r}" if self.media_type else "no content type"
            raise UnsupportedMediaType(
                f"the body is sent as {found}", f"send it with Content-Type: {' or '.join(parsers)}"
            )
        body = await self.body()
        try:
            with self.backend.memory.reserved("the document", self.backend.documents.cost(body)):
                inline = len(body) <= _INLINE_BYTES.get(media_type, _INLINE_BYTES_ELSE)
                return parse(body) if inline else await workers.run(parse, body)
        except SecretWritten:
            raise
        except InvalidInput as error:
            raise MalformedBody(error.faults) from None

    @property
    def media_type(self) -> str:
        """The body's content type without its parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    async def stream(self) -> AsyncGenerator[bytes, None]:
        """The body in parts. Raises ClientDisconnected instead of the framework's error, which reads as a defect."""
        try:
            async for part in super().stream():
                yield part
        except InternalServerException as error:
            raise ClientDisconnected(error.detail) from None

    def _id(self, name: str) -> str:
        value = self.headers.get(name, "")
        if value and not _HEADER.fullmatch(value):
            raise InvalidInput([Fault(f"/{name}", f"{len(value)} characters", "1 to 200 visible ASCII characters")])
        return value


class Declared(Provide):
    """A dependency that is read from the request's body or query, and can be described."""

    __slots__ = ("place", "shape")

    def __init__(self, place: Literal["body", "query"], shape: type[msgspec.Struct], read: Callable[..., Any]) -> None:
        super().__init__(read, sync_to_thread=None if asyncio.iscoroutinefunction(read) else False)
        self.place = place
        self.shape = shape


def body_of(shape: type[msgspec.Struct]) -> Declared:
    """The body, read as `shape`. An empty body is an empty object."""

    async def read_body(request: ApiRequest) -> Any:
        return _read((await request.parsed()).raw if await request.body() else {}, shape)

    return Declared("body", shape, read_body)


def raw_body_of(shape: type[msgspec.Struct]) -> Declared:
    """The body as plain values, for a service that reads `shape` from them itself. An empty body is an empty object."""

    async def read_body(request: ApiRequest) -> Any:
        return (await request.parsed()).raw if await request.body() else {}

    return Declared("body", shape, read_body)


def query_of(shape: type[msgspec.Struct]) -> Declared:
    """The query, read as `shape`. A parameter of a tuple type may be repeated, others may not."""

    def read_query(request: ApiRequest) -> Any:
        return _read(_plain(request, shape), shape)

    return Declared("query", shape, read_query)


def _read(raw: object, shape: type[S]) -> S:
    reading = read(raw, shape)
    reading.faults.raise_if_any()
    assert reading.document is not None, "no document means a fault"
    return reading.document


def _plain(request: ApiRequest, shape: type[msgspec.Struct]) -> Mapping[str, object]:
    """The query's parameters as a document would hold them. Raises InvalidInput for one given twice."""
    info, faults = description_of(shape), Faults()
    types = {field.encode_name: _without_none(field.type) for field in info.fields}
    values: dict[str, object] = {}
    for name in request.query_params:
        given = request.query_params.getall(name)
        if isinstance(types.get(name), inspect.VarTupleType):
            values[name] = given
        elif len(given) > 1:
            faults.add(child("", name), f"{len(given)} values", "the parameter once")
        else:
            values[name] = _scalar(given[0], types.get(name))
    faults.raise_if_any()
    return values


def _without_none(info: inspect.Type) -> inspect.Type:
    if isinstance(info, inspect.UnionType):
        return next(member for member in info.types if not isinstance(member, inspect.NoneType))
    return info


def _scalar(text: str, info: inspect.Type | None) -> object:
    if isinstance(info, inspect.IntType) and _INTEGER.fullmatch(text):
        return int(text)
    if isinstance(info, inspect.BoolType) and text in ("true", "false"):
        return text == "true"
    return text


def _as_json(media_type: str) -> str:
    return "application/json" if media_type.endswith("+json") else media_type
