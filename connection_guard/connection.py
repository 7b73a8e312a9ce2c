"""One TCP connection, between its transport and the HTTP protocol that serves it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import Protocol, cast

from depot_sim.connection_guard.addresses import client_of
from depot_sim.connection_guard.framing import RequestFraming
from depot_sim.connection_guard.limits import Limits
from depot_sim.connection_guard.responses import response
from depot_sim.connection_guard.turns import Turns
from depot_sim.connection_guard.waiting import OfClient

_LINGER_SECONDS = 2.0
"""After a refusal, input is read and discarded for so long. A connection that is closed while its client still sends is
reset, and the client never sees the response (RFC 9112 9.6)."""

_WRITE_BUFFER_BYTES = 16 * 2**10
"""The application waits while more of its output than this has not been taken by the system. By default it is 64 KiB,
which is much for thousands of clients that do not read."""

_MOST_DISCARDED = 64 * 2**10
"""Bytes of a body that are read and discarded after its response has ended: about what is on the way by then."""

_EVENT_STREAM = b"text/event-stream"
"""The value of Accept in a request that begins a stream. The clients of a thousand streams may come at once, such as
after a restart, and other requests are not to wait until all of them have begun."""

_MOST_LOGGED = 200
"""Characters of an error of the parser, which may repeat what the client sent."""

_log = logging.getLogger("depot_sim.http")


class Connections(Protocol):
    """What a connection needs of the guard that holds it and all others."""

    limits: Limits
    clock: Callable[[], float]
    parts: Turns
    """Of the connections whose requests come in parts."""
    streams: Turns
    """Of the requests for event streams."""

    def opened(self, connection: GuardedConnection) -> str:
        """Count the connection. The reason when there are too many, which are to be refused; nothing otherwise."""

    def of_client(self, client: str) -> OfClient[GuardedConnection]:
        """Where the counted connections of the client are when they wait for it."""

    def closed(self, connection: GuardedConnection) -> None: ...

    def refused(self, status: int) -> None:
        """Count the refusal."""


class GuardedConnection(asyncio.Protocol):
    """Forwards the callbacks of `asyncio.Protocol` to the protocol that `make_protocol` returns, within the limits.

    Where a head begins and ends is read from the bytes by RequestFraming. That a response has ended is what the
    application says by `response_ended`, as the bytes of a response do not pass here. Both are needed: a head or body
    is late only while the server reads, and a refusal comes after the responses to the requests before it.

    Time is measured by `check`, which the guard calls for all connections at once; a timer for each request would cost
    more than all the rest of this class.
    """

    def __init__(self, connections: Connections, make_protocol: Callable[[], asyncio.Protocol]) -> None:
        self._connections = connections
        self._make_protocol = make_protocol
        self._protocol: asyncio.Protocol = _NO_PROTOCOL
        self._transport: asyncio.Transport | None = None
        self._framing = RequestFraming(connections.limits.head_bytes)
        self._context = copy_context()
        """In it the protocol creates the tasks that run the application, so that they know their connection."""
        self._since = 0.0
        """When what is waited for began to be waited for: a byte, the end of a head, a request."""
        self._started = 0
        self._answered = 0
        self._refusal: tuple[int, str] | None = None
        self._lingers = False
        self._discarded = 0
        """Bytes of the body that came after its response."""
        self._unsent = 0
        self._unsent_since = 0.0
        """When the client last took some of what was written, as far as it was checked."""
        self._input_ended = False
        self._closes_with_input = False
        self._is_leaving = False
        """It is not counted any more."""
        self._of_client: OfClient[GuardedConnection] = OfClient()
        self._waits_in: dict[GuardedConnection, None] | None = None
        self.client = ""
        """What the limit for one address counts by: see `client_of`."""

    # For the application

    @property
    def problem_prefix(self) -> str:
        """What the types of problem documents begin with, see Limits."""
        return self._connections.limits.problem_prefix

    def abort(self) -> None:
        """End the connection at once, without a response to the request that is being processed."""
        if self._transport is not None:
            self._transport.abort()

    def close_with_input(self) -> None:
        """Close the connection when the client closes its side, though a response is still to come.

        For responses without an end, and for requests left without a response: nothing else shows that the client left.
        """
        self._closes_with_input = True
        if self._input_ended and self._transport is not None:
            self._transport.close()

    def incomplete_request(self) -> int:
        """The application begins with the next request: its number, from 1 on, or 0 when its body has arrived."""
        self._started += 1
        return self._started if self._started > self._framing.requests else 0

    def is_complete(self, number: int) -> bool:
        """Whether that request has arrived with its whole body."""
        return self._framing.requests >= number

    def has_long_rest(self, number: int) -> bool:
        """Whether so much of the body of that request may still come that it is not worth waiting for."""
        rest = self._framing.declared_rest
        return not self.is_complete(number) and (rest is None or rest > _MOST_DISCARDED)

    def response_ended(self) -> None:
        """The last byte of a response has been written."""
        self._answered += 1
        self._discarded = 0
        self._since = self._connections.clock()
        if self._transport is None:
            return
        if self._input_ended and self._answered >= self._framing.requests:
            self._transport.close()
        elif self._refusal is not None and not self._is_waited_for:
            self._respond(*self._refusal)
        self._wait()

    # For the guard

    def make_room(self, reason: str) -> None:
        """Leave, as another connection needs the place. Only one that waits for its client is asked to."""
        self._is_leaving = True
        self._wait()
        if self._framing.partial_head and not self._lingers:
            self._respond(503, f"{reason} Of those without a whole request this one had waited longest: send it again.")
        elif self._transport is not None and not self._framing.is_in_body:
            self._transport.close()
        else:
            self.abort()

    def check(self, now: float) -> None:
        """Refuse or close the connection if it has taken longer than a limit allows."""
        transport = self._transport
        if transport is None:
            return
        if self._lingers:
            if now - self._since >= _LINGER_SECONDS:
                transport.abort()
            return
        if self._is_not_taken(now, transport):
            transport.abort()
            return
        if self._is_waited_for or self._refusal is not None:
            return
        if self._framing.heads and not transport.is_reading():
            self._since = now  # what the server does not read is not late
            return
        self._check_time(now - self._since, transport)

    def _is_not_taken(self, now: float, transport: asyncio.Transport) -> bool:
        """Whether the client has taken nothing of what was written for longer than the limit.

        A transport that is closing stays open as long as something is left to be sent, so this holds for it, too.
        """
        unsent = transport.get_write_buffer_size()
        if not unsent or not self._unsent or unsent < self._unsent:
            self._unsent_since = now
        self._unsent = unsent
        return now - self._unsent_since >= self._connections.limits.response_seconds

    def _check_time(self, waited: float, transport: asyncio.Transport) -> None:
        limits = self._connections.limits
        if self._framing.partial_head:
            if waited >= limits.head_seconds:
                self._refuse(408, f"The head of a request must be complete within {limits.head_seconds:g} s.")
        elif self._framing.is_in_body:  # its response has ended before
            if waited >= limits.body_seconds:
                transport.close()
        elif waited >= limits.idle_seconds:
            transport.close()

    # Callbacks of the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has the methods, but not the base class
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if isinstance(peer, tuple) else ""
        self.client = client_of(address) or address
        self._transport.set_write_buffer_limits(_WRITE_BUFFER_BYTES)
        self._since = self._connections.clock()
        reason = self._connections.opened(self)
        if reason:
            self._is_leaving = True
            self._refuse(503, reason)
            return
        self._of_client = self._connections.of_client(self.client)
        self._wait()
        self._protocol = self._make_protocol()
        self._context.run(CURRENT.set, self)
        self._context.run(self._protocol.connection_made, transport)

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None or self._lingers:
            return
        if _EVENT_STREAM in data:
            self._receive_in_turn(data, self._connections.streams)
        elif self._framing.is_one_request(data):
            self._since = self._connections.clock()
            self._wait_in(None)
            self._forward(data)
        else:
            self._receive_in_turn(data, self._connections.parts)

    def _receive_in_turn(self, data: bytes, turns: Turns) -> None:
        """Thousands of such data may arrive in one iteration of the loop: others are served between them."""
        transport = self._transport
        if transport is None or turns.take():
            self._receive_part(data)
        else:
            transport.pause_reading()  # neither more data nor the end of the input overtakes these data
            self._wait_in(None)
            turns.defer(lambda: self._receive_deferred(data))

    def _receive_deferred(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.resume_reading()  # first, as the protocol may pause it again
        if self._refusal is None and not self._lingers:
            self._receive_part(data)

    def _receive_part(self, data: bytes) -> None:
        framing = self._framing
        head, is_discarded = framing.partial_head, framing.is_in_body and not self._is_waited_for
        refusal = framing.feed(data)
        if is_discarded and framing.is_in_body:
            self._discard(data)
        elif not head or framing.partial_head != head:  # the time of a head does not begin anew by another byte of it
            self._since = self._connections.clock()
            self._wait_in(None)  # so that it begins to wait anew, as the last of all
        self._wait()
        if refusal is None:
            self._forward(framing.without_ignored(data, len(data)))
        elif framing.is_in_body:
            # The application may be reading this body: the protocol finds the fault, too, and ends the request.
            self._refuse(refusal.status, "")
            self._forward(framing.without_ignored(data, len(data)))
        else:
            self._forward(framing.without_ignored(data, refusal.offset))
            self._refuse(refusal.status, self._reason(refusal.status))

    def _discard(self, data: bytes) -> None:
        """Bytes of a body whose response has ended: they do not begin its time anew, and many close the connection."""
        self._discarded += len(data)
        if self._discarded > _MOST_DISCARDED:
            self._linger()

    def eof_received(self) -> bool | None:
        """True keeps the connection open: a client that closes its side may still wait for responses."""
        self._input_ended = True
        self._protocol.eof_received()
        return self._answered < self._framing.requests and not self._closes_with_input

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._wait_in(None)
        self._connections.closed(self)
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._unsent = 0  # much was taken, though the next check may find as much again
        self._protocol.resume_writing()

    # Within

    @property
    def _is_waited_for(self) -> bool:
        """Whether a response to a request whose head is complete is still to come."""
        return self._answered < self._framing.heads

    def _wait(self) -> None:
        """Be among those that wait for their clients, or not, as it is now."""
        framing = self._framing
        is_gone = self._is_leaving or self._transport is None
        if is_gone or (self._answered < framing.requests and not self._lingers):
            self._wait_in(None)
        elif self._lingers or framing.heads > framing.requests or framing.partial_head or not framing.heads:
            self._wait_in(self._of_client.unfinished)
        else:
            self._wait_in(self._of_client.idle)

    def _wait_in(self, waiting: dict[GuardedConnection, None] | None) -> None:
        if waiting is self._waits_in:
            return
        if self._waits_in is not None:
            del self._waits_in[self]
        if waiting is not None:
            waiting[self] = None
        self._waits_in = waiting

    def _forward(self, data: bytes) -> None:
        if not data:  # a protocol may take it for the end of the input
            return
        try:
            self._context.run(self._protocol.data_received, data)
        except Exception as error:  # noqa: BLE001 - a client's bytes must never end in a traceback
            # uvicorn's h11 protocol raises for a fault in a body whose response has begun: nothing can be answered.
            _log.warning(
                "the HTTP parser failed; the connection is aborted", extra={"error": repr(error)[:_MOST_LOGGED]}
            )
            self.abort()

    def _refuse(self, status: int, reason: str) -> None:
        """Respond when the requests before are answered. No more input is forwarded."""
        self._connections.refused(status)
        self._refusal = (status, reason)
        if not self._is_waited_for:
            self._respond(status, reason)

    def _respond(self, status: int, reason: str) -> None:
        """Write the refusal and linger; without a reason close at once."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if not reason:
            transport.close()
            return
        transport.write(response(status, reason, self.problem_prefix))
        self._linger()

    def _linger(self) -> None:
        """Close the own side, and discard input for a while."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._input_ended or not transport.can_write_eof():
            transport.close()
            return
        transport.write_eof()
        transport.resume_reading()
        self._lingers = True
        self._since = self._connections.clock()
        self._wait()

    def _reason(self, status: int) -> str:
        if status == 431:
            return f"Request line and headers may have {self._connections.limits.head_bytes} bytes in all."
        if status == 501:
            return "A method may have 20 characters, and the only transfer coding that is read here is chunked."
        if status == 505:
            return "The server speaks version 1.1 of HTTP: send the request in that version."
        return "The framing of the request breaks RFC 9112: see its line ends, Content-Length and Transfer-Encoding."


_NO_PROTOCOL = asyncio.Protocol()
"""Stands for the protocol of a connection that is refused at once: its callbacks do nothing."""

CURRENT: ContextVar[GuardedConnection | None] = ContextVar("connection", default=None)
"""The connection whose request a task is processing."""


def current_connection() -> GuardedConnection | None:
    """The connection whose request the running task is processing; None outside of requests."""
    return CURRENT.get()
