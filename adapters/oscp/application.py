"""The protocol API as an ASGI application."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from depot_sim.adapters.oscp.protocol_api import Connection, Endpoint, ProtocolApi
from depot_sim.adapters.oscp.request_body import RequestBody
from depot_sim.application.access.actors import ADMISSION, NOT_ADMITTED, Admission
from depot_sim.application.oscp.inbound.arrivals import Arrival, Reply

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_FAILED = Reply(500, (("content-type", "text/plain; charset=utf-8"),), b"Internal Server Error")
_WITHOUT_BODY = frozenset({204, 304})
_CLOSE = (b"connection", b"close")

_log = logging.getLogger("depot_sim.oscp")


class OscpApplication:
    """Reads a request, hands it to the protocol API, sends the reply.

    A reply with status 0 leaves the request without a response: the protocol API aborts its connection when the API is
    closed. `current_connection` is the connection of the request that the running task processes. The route is stored
    in the scope as `path_template`, for the metrics.
    """

    def __init__(self, api: ProtocolApi, current_connection: Callable[[], Connection | None]) -> None:
        self._api = api
        self._current_connection = current_connection

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._api.endpoint(scope["path"])
        assert endpoint is not None, "only paths below the prefix are dispatched to this application"
        scope["path_template"] = endpoint.template
        method: str = scope["method"]
        reply = self._api.reply_at_once(method, endpoint)
        if reply is not None:
            await _send(send, reply)
            return
        body = RequestBody()
        if not await body.read(receive):
            _log.info("the client disconnected before the end of its request", extra={"route": endpoint.template})
            return
        reply = await self._reply(_arrival(scope, endpoint, body), endpoint.template)
        if reply.status == 0:
            await self._leave_unanswered(receive)
        else:
            await _send(send, reply, close=body.is_too_long or reply is _FAILED)

    async def _reply(self, arrival: Arrival, route: str) -> Reply:
        try:
            return await self._api.receive(arrival)
        except Exception:  # noqa: BLE001 - whatever it is, the client gets a response
            _log.exception("a request failed", extra={"route": route})
            return _FAILED

    async def _leave_unanswered(self, receive: Receive) -> None:
        """Wait until the client disconnects, or until the protocol API is closed."""
        connection = self._current_connection()
        assert connection is not None, "the application is served on guarded connections"
        self._api.leave_unanswered(connection)
        try:
            while (await receive())["type"] != "http.disconnect":
                pass
        finally:
            self._api.forget(connection)


def _arrival(scope: Scope, endpoint: Endpoint, body: RequestBody) -> Arrival:
    headers = tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]])
    admission: Admission = scope.get(ADMISSION, NOT_ADMITTED)
    return Arrival(
        method=scope["method"],
        path=endpoint.path,
        headers=headers,
        body=bytes(body.kept),
        body_bytes=body.length,
        sender=admission.sender,
        requires_credentials=admission.requires_credentials,
    )


async def _send(send: Send, reply: Reply, *, close: bool = False) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    if reply.status not in _WITHOUT_BODY:
        headers.append((b"content-length", b"%d" % len(reply.body)))
    if close:
        headers.append(_CLOSE)
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
