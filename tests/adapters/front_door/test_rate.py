"""How many refused requests an address may send."""

from __future__ import annotations

from depot_sim.adapters.front_door.rate import RefusalRate
from tests.adapters.http.peers import Clock


def test_beyond_the_limit_an_address_waits_and_others_do_not() -> None:
    clock = Clock()
    rate = RefusalRate(60, clock)
    assert [rate.take("10.0.0.9") for _ in range(60)] == [0] * 60
    assert rate.take("10.0.0.9") == 1
    assert rate.take("10.0.0.8") == 0
    clock.now += 1
    assert [rate.take("10.0.0.9") for _ in range(2)] == [0, 1]


def test_the_wait_is_enough() -> None:
    clock = Clock()
    rate = RefusalRate(7, clock)
    while not (wait := rate.take("a")):
        pass
    assert wait == 9
    clock.now += wait
    assert rate.take("a") == 0


def test_requests_that_are_turned_down_do_not_prolong_the_wait() -> None:
    clock = Clock()
    rate = RefusalRate(1, clock)
    assert rate.take("a") == 0
    assert {rate.take("a") for _ in range(100)} == {60}


def test_after_a_quiet_time_no_more_than_the_limit_comes_at_once() -> None:
    clock = Clock()
    rate = RefusalRate(5, clock)
    clock.now += 86_400
    assert sum(rate.take("a") == 0 for _ in range(20)) == 5


def test_the_table_is_bounded_and_forgets_addresses_that_may_send_again() -> None:
    clock = Clock()
    rate = RefusalRate(60, clock, most_addresses=10)
    for number in range(1_000):
        rate.take(f"10.0.0.{number}")
        clock.now += 1
    assert len(rate) == 10


def test_many_addresses_do_not_lift_the_limit_of_one() -> None:
    """As long as the table is full of limited addresses, all new ones share one allowance."""
    rate = RefusalRate(3, Clock(), most_addresses=10)
    for number in range(10):
        assert [bool(rate.take(f"old-{number}")) for _ in range(4)] == [False, False, False, True]
    assert sum(rate.take(f"new-{number}") == 0 for number in range(1_000)) == 3
    assert rate.take("old-0") > 0
    assert len(rate) == 10
