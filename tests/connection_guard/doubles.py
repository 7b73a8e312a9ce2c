"""A transport and a protocol that record what is done to them, and time that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from depot_sim.connection_guard import ConnectionGuard, GuardedConnection, Limits, current_connection

LIMITS = Limits(
    head_bytes=1_000,
    head_seconds=10.0,
    body_seconds=30.0,
    response_seconds=60.0,
    idle_seconds=75.0,
    connections=5,
    connections_per_address=3,
)


class Timers:
    """A clock, and the one timer that a guard has."""

    def __init__(self) -> None:
        self.now = 5_000.0
        self._due: tuple[float, Callable[[], None]] | None = None

    def clock(self) -> float:
        return self.now

    def call_later(self, seconds: float, callback: Callable[[], None]) -> None:
        assert self._due is None, "a guard has one timer"
        self._due = (self.now + seconds, callback)

    def is_set(self) -> bool:
        return self._due is not None

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass, and the timer with it."""
        ends = self.now + seconds
        while self._due is not None and self._due[0] <= ends:
            self.now, callback = self._due
            self._due = None
            callback()
        self.now = ends


class Transport(asyncio.Transport):
    """What was written, and whether it is read and open. Closing is told to the protocol at once."""

    def __init__(self, address: str = "10.0.0.1") -> None:
        super().__init__({"peername": (address, 40_000)})
        self.written = b""
        self.ended = self.closed = self.aborted = False
        self.reads = True
        self.unsent = 0
        self.protocol: GuardedConnection | None = None

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def write(self, data: Any) -> None:
        assert not self.ended, "nothing is written after the end"
        self.written += data

    def write_eof(self) -> None:
        self.ended = True

    def can_write_eof(self) -> bool:
        return True

    def is_closing(self) -> bool:
        return self.closed

    def is_reading(self) -> bool:
        return self.reads and not self.closed

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            assert self.protocol is not None
            self.protocol.connection_lost(None)

    def abort(self) -> None:
        self.aborted = True
        self.close()

    @property
    def status(self) -> int | None:
        """Of the response that was written."""
        return int(self.written.split(b" ")[1]) if self.written else None


class Inner(asyncio.Protocol):
    """The protocol behind the guard."""

    def __init__(self) -> None:
        self.received = b""
        self.calls: list[str] = []
        self.connections: list[GuardedConnection | None] = []
        self.fails = False

    def connection_made(self, _: asyncio.BaseTransport) -> None:
        self.calls.append("made")

    def data_received(self, data: bytes) -> None:
        self.received += data
        self.connections.append(current_connection())
        if self.fails:
            raise RuntimeError("a fault of the parser: " + "x" * 10_000)

    def eof_received(self) -> None:
        self.calls.append("eof")

    def connection_lost(self, _: Exception | None) -> None:
        self.calls.append("lost")

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")


class Opened:
    """A guarded connection between the two."""

    def __init__(self, guard: ConnectionGuard, address: str = "10.0.0.1") -> None:
        self.inner, self.transport = Inner(), Transport(address)
        self.connection = guard.connection(lambda: self.inner)
        self.transport.protocol = self.connection
        self.connection.connection_made(self.transport)

    def send(self, data: bytes) -> None:
        self.connection.data_received(data)

    def end_input(self) -> None:
        """As transports do it."""
        if not self.connection.eof_received():
            self.transport.close()


def a_guard(**changes: Any) -> tuple[ConnectionGuard, Timers]:
    timers = Timers()
    return ConnectionGuard(
        replace(LIMITS, **changes), timers.clock, timers.call_later, lambda callback: callback()
    ), timers
