"""The server's side of HTTP connections: the protocol API is served here directly, all else as uvicorn does it.

ASGI costs as much per message as judging it does, and knows no way to end a connection without an answer.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any, Protocol
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from adapters.oscp.answer import CONTINUE, answer_bytes
from adapters.oscp.exchange import Exchange
from adapters.oscp.protocol_api import ProtocolApi
from application.oscp.arrivals import Reply

_FAILED = Reply(500, (("content-type", "text/plain; charset=utf-8"),), b"Internal Server Error")

_log = logging.getLogger("depot_sim.oscp")


class Meter(Protocol):
    """Counts requests by method, path template and status, and those that are open."""

    def request_began(self) -> None: ...

    def request_ended(self) -> None: ...

    def answered(self, method: str, route: str, status: int, seconds: float) -> None: ...


class OscpHttpProtocol(HttpToolsProtocol):
    """A connection, for `uvicorn.Config(http=partial(OscpHttpProtocol, api, meter))`.

    uvicorn's own knows a request as its `cycle`, and keeps those that were sent before the answers to the ones before
    them in its `pipeline`; an Exchange takes the same place in both. A reply with status 0 keeps the request open
    until its sender gives up, or until the API is closed.
    """

    def __init__(self, api: ProtocolApi, meter: Meter, **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self._api = api
        self._meter = meter
        self._open: Exchange | None = None

    # What the parser finds

    def on_headers_complete(self) -> None:
        endpoint = self._api.endpoint(_path_of(self.url))
        if endpoint is None:
            super().on_headers_complete()
            return
        method = self.parser.get_method().decode("ascii")
        keep_alive = self.parser.get_http_version() != "1.0" and self.parser.should_keep_alive()
        earlier: Any = self.cycle
        exchange: Any = Exchange(method, endpoint, self.headers, self.expect_100_continue, keep_alive)
        self.cycle = exchange
        if earlier is None or earlier.response_complete:
            self._begin(exchange)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, self.app))

    def on_body(self, body: bytes) -> None:
        exchange: Any = self.cycle
        if not isinstance(exchange, Exchange):
            super().on_body(body)
        elif not exchange.is_read:
            exchange.body.add(body)
            if exchange.body.is_endless:
                self.flow.pause_reading()
                exchange.keep_alive = False
                self._has_read(exchange)

    def on_message_complete(self) -> None:
        exchange: Any = self.cycle
        if not isinstance(exchange, Exchange):
            super().on_message_complete()
        elif not exchange.is_read:
            self._has_read(exchange)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        exchange = self._open
        if exchange is None:
            return
        if not exchange.is_read:
            _log.info("a sender went away in the middle of its request", extra={"path": exchange.endpoint.path})
        self._api.forget(self.transport)
        self._end()

    # A request's way to its answer

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        if isinstance(cycle, Exchange):
            self._begin(cycle)
        else:
            super()._start_asgi_task(cycle, app)

    def _begin(self, exchange: Exchange) -> None:
        """It is the request's turn, though its body may still be on its way."""
        self._open = exchange
        exchange.began = time.perf_counter()
        self._meter.request_began()
        reply = self._api.reply_at_once(exchange.method, exchange.endpoint)
        if reply is not None:
            exchange.is_read = True
            self.loop.call_soon(self._answer, exchange, reply)  # not at once: a thousand may be in the pipeline
            return
        if exchange.expects_continue:
            self.transport.write(CONTINUE)
        if exchange.is_read:
            self._hand_over(exchange)

    def _has_read(self, exchange: Exchange) -> None:
        exchange.is_read = True
        if exchange is self._open:
            self._hand_over(exchange)

    def _hand_over(self, exchange: Exchange) -> None:
        task = self.loop.create_task(self._reply(exchange))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _reply(self, exchange: Exchange) -> None:
        try:
            reply = await self._api.receive(exchange.arrival())
            if self.flow.write_paused:
                await self.flow.drain()
        except (Exception, asyncio.CancelledError):  # noqa: BLE001 - whatever it is, the sender gets an answer
            _log.exception("a request failed", extra={"path": exchange.endpoint.path})
            exchange.keep_alive = False
            reply = _FAILED
        if reply.status:
            self._answer(exchange, reply)
        elif exchange is self._open:
            self._api.leave_unanswered(self.transport)

    def _answer(self, exchange: Exchange, reply: Reply) -> None:
        seconds = time.perf_counter() - exchange.began
        self._meter.answered(exchange.method, exchange.endpoint.template, reply.status, seconds)
        if exchange is not self._open:  # its sender is gone
            return
        self._end()
        self.transport.write(
            answer_bytes(
                reply,
                self.server_state.default_headers,
                keep_alive=exchange.keep_alive,
                has_body=exchange.method != "HEAD",
            )
        )
        exchange.response_complete = True
        if not exchange.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _end(self) -> None:
        self._open = None
        self._meter.request_ended()


def _path_of(url: bytes) -> str:
    path = httptools.parse_url(url).path.decode("ascii")
    return unquote(path) if "%" in path else path
