"""The protocol API as a bare ASGI application: requests become Arrivals, Replies become answers, nothing is judged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from adapters.oscp.asgi import Message, Receive, Scope, Send
from adapters.oscp.hang_up import hang_up
from adapters.oscp.openapi import ROUTES, description
from adapters.oscp.request_body import read_body
from application.oscp.arrivals import Arrival, Reply

PREFIX = "/oscp/cp/2.0"
DESCRIPTION_PATH = "openapi.json"

_POST_ONLY = ("POST",)
_METHODS = {
    DESCRIPTION_PATH: ("GET", "HEAD"),
    **{route.path: route.methods for route in ROUTES},
}
_WITHOUT_BODY = frozenset({204, 304})
_CLOSE = ("connection", "close")
_NO_BODY: Message = {"type": "http.response.body", "body": b""}

_log = logging.getLogger("depot_sim.oscp")


class ProtocolApp:
    """Hands every request below `prefix` to `receive`, those to unknown paths too, and answers what that replies.

    A reply with status 0 keeps the request open until its sender gives up, or until `close`.
    """

    def __init__(self, receive: Callable[[Arrival], Awaitable[Reply]], prefix: str = PREFIX) -> None:
        self._receive = receive
        self._skipped = len(prefix) + 1
        self._description = Reply(200, (("content-type", "application/json"),), description(prefix))
        self._templates = {path: f"{prefix}/{path}" for path in _METHODS}
        self._any_other = f"{prefix}/*"
        self._closing = asyncio.Event()

    def close(self) -> None:
        """End every request that is left without an answer, now and from now on."""
        self._closing.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"][self._skipped :]
        scope["path_template"] = self._templates.get(path, self._any_other)  # by which requests are counted
        method: str = scope["method"]
        methods = _METHODS.get(path, _POST_ONLY)
        if method not in methods:
            await _answer(send, Reply(405, (("allow", ", ".join(methods)),)))
        elif path == DESCRIPTION_PATH:
            await _answer(send, self._description)
        else:
            await self._hand_over(path, method, scope, receive, send)

    async def _hand_over(self, path: str, method: str, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(receive)
        if body is None:
            _log.info("a sender went away in the middle of its request", extra={"path": path})
            return
        headers = tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]])
        reply = await self._receive(Arrival(method, path, headers, body.kept, body.length))
        if not reply.status:
            await self._leave_unanswered(scope, receive, send)
            return
        if not body.complete:
            reply = reply._replace(headers=(*reply.headers, _CLOSE))
        await _answer(send, reply)

    async def _leave_unanswered(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.create_task(_until_gone(receive))
        closing = asyncio.create_task(self._closing.wait())
        try:
            await asyncio.wait((gone, closing), return_when=asyncio.FIRST_COMPLETED)
            if gone.done():
                return
            if hang_up(scope):
                await gone
            else:  # a server that can't: it would answer 500 by itself
                await _answer(send, Reply(503, (_CLOSE,)))
        finally:
            gone.cancel()
            closing.cancel()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _answer(send: Send, reply: Reply) -> None:
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in reply.headers]
    if reply.status in _WITHOUT_BODY:
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send(_NO_BODY)
        return
    headers.append((b"content-length", b"%d" % len(reply.body)))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
