"""The limits that all connections of a server share."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import pytest

from depot_sim.connection_guard import ConnectionGuard, Limits
from depot_sim.connection_guard.guard import MOST_LEAVING
from tests.connection_guard.doubles import LIMITS, Opened, Timers, a_guard


def busy(guard: ConnectionGuard, address: str = "10.0.0.1") -> Opened:
    """A connection with a request whose response is still to come: it cannot make room for another."""
    opened = Opened(guard, address)
    opened.send(b"GET / HTTP/1.1\r\n\r\n")
    return opened


def statuses(opened: list[Opened]) -> list[int | None]:
    return [each.transport.status for each in opened]


def test_more_connections_than_the_limit_are_refused() -> None:
    guard, _ = a_guard()
    opened = [busy(guard, f"10.0.0.{number}") for number in range(LIMITS.connections + 2)]
    assert statuses(opened) == [None] * LIMITS.connections + [503, 503]
    assert opened[-1].inner.calls == []
    assert (guard.open_connections, guard.refusals) == (LIMITS.connections, {503: 2})


def test_more_connections_than_the_limit_of_an_address_are_refused() -> None:
    guard, _ = a_guard()
    opened = [busy(guard) for _ in range(LIMITS.connections_per_address + 1)]
    assert statuses(opened) == [None] * LIMITS.connections_per_address + [503]
    assert statuses([busy(guard, "10.0.0.2")]) == [None]


@pytest.mark.parametrize(
    ("address", "is_same"),
    [("2001:db8::%d", True), ("::ffff:10.0.0.1", True), ("2001:db8:0:%d::1", False), ("::ffff:10.0.0.%d", False)],
)
def test_an_ipv6_network_of_64_bits_counts_as_one_address(address: str, is_same: bool) -> None:
    guard, _ = a_guard()
    addresses = [address.replace("%d", str(number)) for number in range(1, LIMITS.connections_per_address + 2)]
    opened = [busy(guard, each) for each in addresses]
    assert statuses(opened) == [None] * LIMITS.connections_per_address + [503 if is_same else None]


def test_an_ipv4_address_mapped_to_ipv6_is_that_address() -> None:
    guard, _ = a_guard(connections_per_address=1)
    assert statuses([busy(guard, "10.0.0.1"), busy(guard, "::ffff:10.0.0.1")]) == [None, 503]


@pytest.mark.parametrize("address", ["10.0.0.1", "10.0.0.2"])
def test_a_connection_that_ends_makes_room(address: str) -> None:
    guard, _ = a_guard(connections=3)
    opened = [busy(guard) for _ in range(3)]
    assert statuses([busy(guard, address)]) == [503]
    opened[1].transport.close()
    assert statuses([busy(guard, address), busy(guard, address)]) == [None, 503]


def test_requests_for_event_streams_begin_a_few_at_a_time_and_others_at_once() -> None:
    timers, iterations = Timers(), deque[Callable[[], None]]()
    guard = ConnectionGuard(Limits(), timers.clock, timers.call_later, iterations.append)
    streams, other = [Opened(guard) for _ in range(7)], Opened(guard)
    for each in streams:
        each.send(b"GET /events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n")
    other.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert other.inner.received
    begun = []
    while iterations:
        begun.append(sum(bool(each.inner.received) for each in streams))
        assert [each.transport.reads for each in streams] == [bool(each.inner.received) for each in streams]
        iterations.popleft()()
    assert begun == [2, 4, 6, 7]


def test_what_a_refused_connection_sends_is_discarded() -> None:
    guard, timers = a_guard(connections=1)
    opened = [busy(guard), Opened(guard)]
    opened[1].send(b"GET / HTTP/1.1\r\n\r\n")
    assert opened[1].inner.received == b""
    timers.pass_seconds(10)
    assert opened[1].transport.closed
    assert not opened[0].transport.closed


def test_only_so_many_refused_connections_are_kept_open() -> None:
    guard, _ = a_guard(connections=1)
    opened = [busy(guard) for _ in range(1 + MOST_LEAVING + 10)]
    assert [each.transport.aborted for each in opened] == [False] * (1 + MOST_LEAVING) + [True] * 10


def test_the_timer_rests_while_there_are_no_connections() -> None:
    guard, timers = a_guard()
    set_when = [timers.is_set()]
    opened = Opened(guard)
    set_when.append(timers.is_set())
    opened.transport.close()
    timers.pass_seconds(10)
    set_when.append(timers.is_set())
    Opened(guard)
    set_when.append(timers.is_set())
    assert set_when == [False, True, False, True]


def test_every_connection_can_be_ended_at_once() -> None:
    guard, _ = a_guard(connections=2)
    opened = [busy(guard) for _ in range(3)]
    guard.abort_all()
    assert [each.transport.aborted for each in opened] == [True] * 3
    assert guard.open_connections == 0


@pytest.mark.parametrize("limit", ["head_seconds", "body_seconds", "idle_seconds"])
def test_short_limits_are_checked_more_often(limit: str) -> None:
    guard, timers = a_guard(**{limit: 0.1})
    opened = Opened(guard)
    _take_too_long(limit, opened)
    timers.pass_seconds(0.13)
    assert opened.transport.written or opened.transport.closed


def _take_too_long(limit: str, opened: Opened) -> None:
    if limit == "head_seconds":
        opened.send(b"G")
    elif limit == "body_seconds":
        opened.send(b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n")
        opened.connection.response_ended()


def test_the_defaults_admit_2000_charge_points_and_1000_sessions_from_one_address() -> None:
    limits = Limits()
    assert limits.connections_per_address >= 3_000
    assert limits.connections > limits.connections_per_address
    assert ConnectionGuard(limits).open_connections == 0
