"""The contract of runner leases: on every database, and what only a store that processes share has, expiry."""

from __future__ import annotations

import threading

import psycopg
import pytest

from depot_sim.adapters.event_store import EventStore, open_event_store
from depot_sim.application.event_log import Fence
from depot_sim.domain.kernel.errors import LeaseLost
from tests.adapters.event_store.samples import write

GONE = -1.0
"""A time to live that is over at once."""


def test_a_lease_has_one_holder_and_a_token(store: EventStore) -> None:
    assert store.leases.holder("run-1") is None
    assert store.leases.acquire("run-1", "first", 60) == 1
    assert store.leases.acquire("run-1", "second", 60) is None
    assert store.leases.holder("run-1") == "first"


def test_leases_of_different_runs_are_independent(store: EventStore) -> None:
    assert store.leases.acquire("run-1", "first", 60) == 1
    assert store.leases.acquire("run-2", "second", 60) == 1


def test_an_expired_lease_goes_to_the_next_with_a_greater_token(shared_store: EventStore) -> None:
    assert shared_store.leases.acquire("run-1", "first", GONE) == 1
    assert shared_store.leases.holder("run-1") is None
    assert shared_store.leases.acquire("run-1", "second", 60) == 2
    assert shared_store.leases.holder("run-1") == "second"


def test_ones_own_lease_taken_again_has_a_new_token(store: EventStore) -> None:
    assert store.leases.acquire("run-1", "first", 60) == 1
    assert store.leases.acquire("run-1", "first", 60) == 2
    with pytest.raises(LeaseLost):
        store.leases.renew("run-1", 1, 60)


def test_renewing_prolongs(shared_store: EventStore) -> None:
    token = shared_store.leases.acquire("run-1", "first", GONE)
    assert token is not None
    shared_store.leases.renew("run-1", token, 60)
    assert shared_store.leases.holder("run-1") == "first"


def test_renewing_after_a_takeover_says_the_lease_is_lost(shared_store: EventStore) -> None:
    shared_store.leases.acquire("run-1", "first", GONE)
    shared_store.leases.acquire("run-1", "second", 60)
    with pytest.raises(LeaseLost):
        shared_store.leases.renew("run-1", 1, 60)
    assert shared_store.leases.holder("run-1") == "second"


def test_renewing_what_nobody_holds_says_the_lease_is_lost(store: EventStore) -> None:
    with pytest.raises(LeaseLost):
        store.leases.renew("run-1", 1, 60)


def test_a_released_lease_is_free_at_once_and_its_token_is_void(store: EventStore) -> None:
    token = store.leases.acquire("run-1", "first", 60)
    assert token is not None
    store.leases.release("run-1", token)
    assert store.leases.holder("run-1") is None
    with pytest.raises(LeaseLost):
        store.log.append(write("run-1", 0, 1)._replace(fence=Fence("run-1", token)))
    next_token = store.leases.acquire("run-1", "second", 60)
    assert next_token is not None
    assert next_token > token


def test_releasing_with_an_old_token_changes_nothing(store: EventStore) -> None:
    store.leases.acquire("run-1", "first", 60)
    store.leases.acquire("run-1", "first", 60)
    store.leases.release("run-1", 1)
    store.leases.retire("run-1", 1)
    assert store.leases.holder("run-1") == "first"
    store.leases.renew("run-1", 2, 60)


def test_a_fenced_append_is_written_while_the_token_is_the_newest(store: EventStore) -> None:
    token = store.leases.acquire("run-1", "first", 60)
    assert token is not None
    fenced = write("run-1", 0, 1)._replace(fence=Fence("run-1", token))
    store.log.append(fenced)
    store.leases.acquire("run-1", "first", 60)
    with pytest.raises(LeaseLost) as lost:
        store.log.append(write("elsewhere", 0, 1)._replace(fence=Fence("run-1", token)))
    assert (lost.value.run_id, lost.value.token) == ("run-1", token)
    assert store.log.stream_version("elsewhere") == 0


def test_an_expired_token_is_valid_until_another_owner_has_the_lease(shared_store: EventStore) -> None:
    token = shared_store.leases.acquire("run-1", "first", GONE)
    assert token is not None
    shared_store.log.append(write("run-1", 0, 1)._replace(fence=Fence("run-1", token)))
    shared_store.leases.acquire("run-1", "second", 60)
    with pytest.raises(LeaseLost):
        shared_store.log.append(write("run-1", 1, 2)._replace(fence=Fence("run-1", token)))


def test_of_many_who_ask_at_once_one_is_granted(store: EventStore) -> None:
    granted: list[int | None] = []
    start = threading.Barrier(8)

    def ask(owner: str) -> None:
        start.wait()
        granted.append(store.leases.acquire("run-1", owner, 60))

    threads = [threading.Thread(target=ask, args=(f"owner-{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [token for token in granted if token is not None] == [1]


def test_unheld_names_what_was_released_or_is_ones_own_but_nothing_retired(store: EventStore) -> None:
    store.leases.acquire("held", "other", 60)
    store.leases.acquire("own", "me", 60)
    released = store.leases.acquire("released", "other", 60)
    retired = store.leases.acquire("retired", "me", 60)
    assert released is not None
    assert retired is not None
    store.leases.release("released", released)
    store.leases.retire("retired", retired)
    assert store.leases.unheld("me") == ["own", "released"]


def test_unheld_names_what_expired(shared_store: EventStore) -> None:
    shared_store.leases.acquire("expired", "other", GONE)
    shared_store.leases.acquire("held", "other", 60)
    assert shared_store.leases.unheld("me") == ["expired"]


def test_a_retired_lease_can_be_taken_again_with_a_newer_token(store: EventStore) -> None:
    token = store.leases.acquire("run-1", "first", 60)
    assert token is not None
    store.leases.retire("run-1", token)
    again = store.leases.acquire("run-1", "second", 60)
    assert again is not None
    assert again > token
    store.leases.release("run-1", again)
    assert store.leases.unheld("third") == ["run-1"]


def test_two_living_processes_of_one_name_never_take_each_others_runs(postgres_url: str) -> None:
    with open_event_store(postgres_url) as one, open_event_store(postgres_url) as other:
        assert one.leases.acquire("run-1", "same", 60) == 1
        assert other.leases.acquire("run-2", "same", 60) == 1
        for _ in range(3):
            assert other.leases.acquire("run-1", "same", 60) is None
            assert one.leases.acquire("run-2", "same", 60) is None
            assert one.leases.unheld("same") == ["run-1"]
            assert other.leases.unheld("same") == ["run-2"]
        assert other.leases.holder("run-1") == "same"


def test_a_process_takes_the_runs_of_a_dead_predecessor_of_its_name_at_once(postgres_url: str) -> None:
    with open_event_store(postgres_url) as predecessor:
        assert predecessor.leases.acquire("run-1", "same", 3_600) == 1
    with open_event_store(postgres_url) as successor:
        assert successor.leases.unheld("another") == []
        assert successor.leases.acquire("run-1", "another", 60) is None
        assert successor.leases.unheld("same") == ["run-1"]
        assert successor.leases.acquire("run-1", "same", 60) == 2


def test_a_lease_that_an_older_version_wrote_without_a_nonce_goes_to_its_name_at_once(postgres_url: str) -> None:
    open_event_store(postgres_url).close()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("INSERT INTO leases VALUES ('run-1', 'same', 4, now() + interval '1 hour', false)")
    with open_event_store(postgres_url) as store:
        assert store.leases.holder("run-1") == "same"
        assert store.leases.acquire("run-1", "another", 60) is None
        assert store.leases.acquire("run-1", "same", 60) == 5


def test_a_process_whose_connections_were_cut_proves_itself_alive_again(postgres_url: str) -> None:
    with open_event_store(postgres_url) as one, open_event_store(postgres_url) as other:
        token = one.leases.acquire("run-1", "same", 60)
        assert token is not None
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert one.leases.unheld("same") == ["run-1"]
        one.leases.renew("run-1", token, 60)
        assert other.leases.unheld("same") == []
        assert other.leases.acquire("run-1", "same", 60) is None
