"""Which connection leaves when there are too many: those whose request has not arrived, then idle ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.connection_guard import ConnectionGuard
from depot_sim.connection_guard.guard import MOST_LEAVING
from tests.connection_guard.doubles import LIMITS, Opened, a_guard
from tests.connection_guard.test_framing import GET, post

HALF_HEAD, HALF_BODY = GET[:-2], post("Content-Length: 5", body=b"ab")
STREAM = GET[:-2] + b"Accept: text/event-stream\r\n\r\n"
ATTACKERS = "10.0.0.1", "10.0.0.2"
NEWCOMER = "10.0.0.3"
CROWD = {"connections": 8, "connections_per_address": 6}


def sent(guard: ConnectionGuard, data: bytes, address: str = ATTACKERS[0]) -> Opened:
    opened = Opened(guard, address)
    if data:
        opened.send(data)
    return opened


def idle(guard: ConnectionGuard, address: str = ATTACKERS[0]) -> Opened:
    opened = sent(guard, GET, address)
    opened.connection.response_ended()
    return opened


def closed(opened: list[Opened]) -> list[bool]:
    """Whether each is closed, or ends after a refusal."""
    return [each.transport.closed or each.transport.ended for each in opened]


@pytest.mark.parametrize("half", [b"", HALF_HEAD, HALF_BODY, STREAM[:-2]], ids=["silent", "head", "body", "stream"])
def test_a_newcomer_takes_the_place_of_the_half_request_that_has_waited_longest(half: bytes) -> None:
    guard, _ = a_guard(**CROWD)
    halves = [sent(guard, half, ATTACKERS[number % 2]) for number in range(20)]
    newcomer = sent(guard, GET, NEWCOMER)
    assert (newcomer.inner.received, closed([newcomer])) == (GET, [False])
    assert closed(halves) == [True] * 13 + [False] * 7
    assert guard.open_connections == 8


def test_it_is_told_so_where_that_can_be_told() -> None:
    guard, _ = a_guard(connections=1)
    head = sent(guard, HALF_HEAD)
    body = sent(guard, HALF_BODY)
    assert head.transport.status == 503
    assert b"There are 1 connections" in head.transport.written
    silent = sent(guard, b"")
    assert (body.transport.written, body.transport.aborted, body.inner.calls[-1]) == (b"", True, "lost")
    sent(guard, GET)
    assert (silent.transport.written, silent.transport.aborted, silent.transport.closed) == (b"", False, True)
    assert guard.refusals == {503: 3}


@pytest.mark.parametrize("half", [b"", HALF_HEAD, HALF_BODY])
@pytest.mark.parametrize("address", ATTACKERS)
def test_idle_connections_stay_while_there_are_half_requests(half: bytes, address: str) -> None:
    guard, _ = a_guard(**CROWD)
    partners = [idle(guard, NEWCOMER) for _ in range(4)]
    for _ in range(50):
        sent(guard, half, address)
    assert closed(partners) == [False] * 4


@pytest.mark.parametrize("request_", [GET, STREAM, post("Content-Length: 1", body=b"x")])
def test_what_waits_for_a_response_never_leaves(request_: bytes) -> None:
    guard, _ = a_guard(**CROWD)
    waiting = [sent(guard, request_, NEWCOMER) for _ in range(6)]
    for number in range(50):
        sent(guard, HALF_HEAD, ATTACKERS[number % 2])
    assert closed(waiting) == [False] * 6


def test_a_second_request_on_the_way_does_not_cost_the_first_its_response() -> None:
    guard, _ = a_guard(connections=1)
    waiting = sent(guard, STREAM + HALF_BODY)
    assert closed([sent(guard, GET, NEWCOMER)]) == [True]
    assert closed([waiting]) == [False]


def test_without_half_requests_the_connection_that_has_been_idle_longest_leaves() -> None:
    guard, _ = a_guard(**CROWD)
    pooled = [idle(guard, ATTACKERS[number % 2]) for number in range(8)]
    pooled[0].send(GET)
    pooled[0].connection.response_ended()
    newcomers = [sent(guard, GET, NEWCOMER) for _ in range(2)]
    assert closed(newcomers) == [False] * 2
    assert [number for number, left in enumerate(closed(pooled)) if left] == [1, 2]


def test_the_address_with_the_most_half_requests_gives_a_place() -> None:
    guard, _ = a_guard(connections=4, connections_per_address=4)
    slow = sent(guard, HALF_BODY, NEWCOMER)
    attacker = [sent(guard, HALF_BODY) for _ in range(3)]
    sent(guard, b"", "10.0.0.9")
    assert closed([slow, *attacker]) == [False, True, False, False]


def test_a_body_that_comes_has_waited_less_than_one_that_does_not() -> None:
    guard, _ = a_guard(connections=3)
    coming, stalled = sent(guard, post("Content-Length: 99")), sent(guard, HALF_BODY)
    head = sent(guard, HALF_HEAD)
    coming.send(b"x")
    head.send(b"X")  # more bytes of a head do not count
    sent(guard, b"")
    sent(guard, b"")
    assert closed([coming, stalled, head]) == [False, True, True]


def test_at_the_limit_of_an_address_one_of_its_own_leaves() -> None:
    guard, _ = a_guard(connections=10, connections_per_address=3)
    other = sent(guard, HALF_HEAD, NEWCOMER)
    opened = [idle(guard), sent(guard, GET), sent(guard, HALF_HEAD)]
    newcomers = [sent(guard, GET) for _ in range(3)]
    assert closed(opened) == [True, False, True]
    assert closed(newcomers) == [False, False, True]
    assert closed([other]) == [False]


def test_refused_requests_make_room_as_well() -> None:
    """Else a client that is refused again and again would keep the places for 2 s each."""
    guard, _ = a_guard(connections=2)
    refused = [sent(guard, post("Content-Length: 1, 2")) for _ in range(2)]
    assert closed([sent(guard, GET, NEWCOMER)]) == [False]
    assert [each.transport.closed for each in refused] == [True, False]


def test_of_those_that_leave_a_bounded_number_is_told_why() -> None:
    guard, _ = a_guard(connections=1)
    halves = [sent(guard, HALF_HEAD) for _ in range(MOST_LEAVING + 10)]
    assert guard.open_connections == 1
    assert sum(each.transport.aborted for each in halves) == 9


ACTIONS = {
    "whole": ("idle", GET, "busy"),
    "head": ("idle", HALF_HEAD, "unfinished"),
    "rest of head": ("unfinished", GET[-2:], "busy"),
    "respond": ("busy", b"", "idle"),
}
"""What connections of a kind do, and of which kind they are then."""


@given(st.lists(st.tuples(st.sampled_from(["open", "open", *ACTIONS]), st.integers(0, 1_000)), max_size=80))
def test_whatever_clients_do_those_leave_first_that_keep_the_service_waiting(steps: list[tuple[str, int]]) -> None:
    guard, _ = a_guard()
    kinds: dict[Opened, str] = {}  # those that have been in their kind longest come first
    for action, number in steps:
        if action == "open":
            _open_and_check(guard, kinds, f"10.0.0.{number % 3}")
            continue
        before, data, after = ACTIONS[action]
        among = [each for each, kind in kinds.items() if kind == before]
        if among:
            acting = among[number % len(among)]
            acting.connection.response_ended() if action == "respond" else acting.send(data)
            del kinds[acting]
            kinds[acting] = after


def _open_and_check(guard: ConnectionGuard, kinds: dict[Opened, str], address: str) -> None:
    of_address = [each for each in kinds if each.connection.client == address]
    is_address_full = len(of_address) == LIMITS.connections_per_address
    is_full = is_address_full or len(kinds) == LIMITS.connections
    places = of_address if is_address_full else list(kinds)
    free = [each for each in places if kinds[each] != "busy"] if is_full else []
    opened = Opened(guard, address)
    left = [each for each, is_closed in zip(kinds, closed(list(kinds)), strict=True) if is_closed]
    assert len(left) == bool(free)
    assert (opened.transport.status == 503) == (is_full and not free)
    for each in left:
        assert each in free
        assert kinds[each] == min((kinds[other] for other in free), key=["unfinished", "idle"].index)
        same = [
            other for other in free if (kinds[other], other.connection.client) == (kinds[each], each.connection.client)
        ]
        assert same[0] is each
        del kinds[each]
    if opened.transport.status is None:
        opened.send(HALF_HEAD)
        kinds[opened] = "unfinished"
    assert guard.open_connections == len(kinds)
