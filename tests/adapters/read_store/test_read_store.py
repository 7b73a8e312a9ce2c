"""The contract of the read store, on every database."""

from __future__ import annotations

import threading
import time
from contextlib import closing, suppress
from dataclasses import replace

import pytest

from depot_sim.adapters.read_store import open_read_store
from depot_sim.domain.kernel.errors import Conflict, InvalidInput, StoreError
from depot_sim.read_models.store import Mark, ModelStore, Overtaken
from tests.adapters.read_store.samples import FACTS, MODEL, NAMES, advance, rows
from tests.patience import patient


def test_a_new_store_is_empty_and_at_the_beginning(store: ModelStore) -> None:
    stored = store.stored()
    assert (stored.version, stored.mark, stored.updated_at) == (1, Mark(0, 0), 0)
    assert store.database().query("SELECT name FROM sample_names") == []


def test_rows_and_position_are_written_together(store: ModelStore) -> None:
    before = time.time_ns() // 1000
    advance(store, 0, 7, names={"b": 2, "a": 1}, facts=2)
    assert store.database().query("SELECT name, number FROM sample_names WHERE number > ? ORDER BY name", (0,)) == [
        ("a", 1),
        ("b", 2),
    ]
    assert rows(store, FACTS) == [(7_000_000, 0), (7_000_001, -1)]
    assert store.stored().mark == Mark(7, 42)
    assert before <= store.stored().updated_at <= time.time_ns() // 1000


def test_an_upsert_replaces_the_row_with_its_key(store: ModelStore) -> None:
    advance(store, 0, 1, names={"a": 1, "b": 2})
    advance(store, 1, 2, names={"b": 3, "c": 4})
    assert rows(store, NAMES) == [("a", 1), ("b", 3), ("c", 4)]


def test_a_transaction_sees_its_own_writes(store: ModelStore) -> None:
    with store.advance(0, Mark(1, 42)) as transaction:
        transaction.upsert(NAMES, [("a", 1)])
        assert transaction.query("SELECT number FROM sample_names WHERE name = ?", ("a",)) == [(1,)]


def test_an_advance_from_another_position_is_overtaken_and_writes_nothing(store: ModelStore) -> None:
    advance(store, 0, 5, names={"a": 1})
    for stale in (0, 4, 6):
        with pytest.raises(Overtaken):
            advance(store, stale, 9, names={"a": 2})
    assert (rows(store, NAMES), store.stored().mark.position) == ([("a", 1)], 5)


def test_an_advance_that_fails_leaves_no_trace(store: ModelStore) -> None:
    with suppress(KeyError), store.advance(0, Mark(5, 42)) as transaction:
        transaction.upsert(NAMES, [("a", 1)])
        transaction.insert(FACTS, [(1, 1)])
        raise KeyError
    assert (rows(store, NAMES), rows(store, FACTS), store.stored().mark.position) == ([], [], 0)
    advance(store, 0, 5, names={"a": 1})


def test_a_fact_that_is_there_already_is_refused(store: ModelStore) -> None:
    advance(store, 0, 1, facts=1)
    with pytest.raises(StoreError), store.advance(1, Mark(2, 42)) as transaction:
        transaction.insert(FACTS, [(1_000_000, 9)])
    assert store.stored().mark.position == 1


def test_rows_come_in_the_order_of_their_key_and_text_compares_by_bytes(store: ModelStore) -> None:
    advance(store, 0, 1, names=dict.fromkeys(("ä", "a", "Z", "b/2", "b-1", ""), 0))
    assert [name for name, _ in rows(store, NAMES)] == ["", "Z", "a", "b-1", "b/2", "ä"]


def test_many_rows_come_in_chunks(store: ModelStore) -> None:
    advance(store, 0, 1, facts=25_000)
    chunks = list(store.rows(FACTS))
    assert len(chunks) > 1
    assert [at for chunk in chunks for at, _ in chunk] == list(range(1_000_000, 1_025_000))


def test_integers_have_64_bits(store: ModelStore) -> None:
    extremes = {"least": -(1 << 63), "most": (1 << 63) - 1}
    advance(store, 0, 1, names=extremes)
    assert dict(rows(store, NAMES)) == extremes


def test_a_shadow_is_seen_by_nobody_until_it_is_swapped(store: ModelStore) -> None:
    advance(store, 0, 1, names={"old": 1})
    with store.shadow() as shadow:
        advance(shadow, 0, 3, names={"new": 3}, facts=3)
        shadow.finish()
        assert rows(store, NAMES) == [("old", 1)]
        with shadow.hold_live() as held:
            assert held is not None
            assert held.mark.position == 1
            shadow.swap()
    assert (rows(store, NAMES), len(rows(store, FACTS)), store.stored().mark.position) == ([("new", 3)], 3, 3)
    advance(store, 3, 4, names={"newer": 4}, facts=1)
    with pytest.raises(Overtaken):
        advance(store, 1, 5)


def test_a_shadow_that_is_not_swapped_leaves_nothing(store: ModelStore) -> None:
    advance(store, 0, 1, names={"old": 1})
    for _ in range(2):
        with suppress(KeyError), store.shadow() as shadow:
            advance(shadow, 0, 3, names={"new": 3})
            raise KeyError
    assert rows(store, NAMES) == [("old", 1)]


def test_many_swaps_follow_each_other(store: ModelStore) -> None:
    for number in range(1, 13):
        with store.shadow() as shadow:
            advance(shadow, 0, number, names={f"swap {number}": number})
            shadow.finish()
            with shadow.hold_live():
                shadow.swap()
        assert rows(store, NAMES) == [(f"swap {number}", number)]
        assert store.database().query("SELECT number FROM sample_names") == [(number,)]


def test_nobody_advances_the_live_tables_while_they_are_held(store: ModelStore) -> None:
    """The one who waited finds the swapped tables, not the old ones."""
    advance(store, 0, 1)
    outcome: list[object] = []

    def late() -> None:
        try:
            advance(store, 1, 2, names={"late": 1})
        except Overtaken as overtaken:
            outcome.append(overtaken)

    with store.shadow() as shadow:
        advance(shadow, 0, 1)
        with shadow.hold_live():
            waiting = threading.Thread(target=late)
            waiting.start()
            waiting.join(0.1)
            assert waiting.is_alive()
            advance(shadow, 1, 6)
            shadow.swap()
    waiting.join(patient(60))
    assert len(outcome) == 1
    assert (store.stored().mark.position, rows(store, NAMES)) == (6, [])


def test_a_second_shadow_is_refused(store: ModelStore) -> None:
    with store.shadow(), pytest.raises(Conflict, match="sample is being rebuilt"), store.shadow():
        pass


def test_threads_query_while_one_writes(store: ModelStore) -> None:
    """Each answer shows whole transactions: two names that always move together."""
    advance(store, 0, 1, names={"one": 1, "other": 1})
    stop = threading.Event()
    torn: list[object] = []

    def read() -> None:
        while not stop.is_set():
            numbers = {number for (number,) in store.database().query("SELECT number FROM sample_names")}
            if len(numbers) != 1:
                torn.append(numbers)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for position in range(1, 100):
        advance(store, position, position + 1, names={"one": position, "other": position})
    stop.set()
    for reader in readers:
        reader.join()
    assert torn == []


def test_a_question_that_the_database_cannot_take_is_a_store_error(store: ModelStore) -> None:
    with pytest.raises(StoreError):
        store.database().query("SELECT nothing FROM nowhere")
    assert store.database().query("SELECT count(*) FROM sample_names") == [(0,)]


def test_what_was_stored_is_there_after_opening_again(store_url: str) -> None:
    with closing(open_read_store(store_url, [MODEL])) as first:
        advance(first[MODEL], 0, 3, names={"a": 1}, facts=2)
    with closing(open_read_store(store_url, [MODEL])) as second:
        assert second[MODEL].stored().mark == Mark(3, 42)
        assert rows(second[MODEL], NAMES) == [("a", 1)]


def test_two_stores_on_one_database_see_each_others_swap(store_url: str) -> None:
    with closing(open_read_store(store_url, [MODEL])) as one, closing(open_read_store(store_url, [MODEL])) as other:
        advance(one[MODEL], 0, 1, names={"old": 1})
        assert rows(other[MODEL], NAMES) == [("old", 1)]
        with one[MODEL].shadow() as shadow:
            advance(shadow, 0, 2, names={"new": 2})
            shadow.finish()
            with shadow.hold_live():
                shadow.swap()
        assert other[MODEL].database().query("SELECT name FROM sample_names") == [("new",)]
        advance(other[MODEL], 2, 3, names={"newer": 3})
        assert rows(one[MODEL], NAMES) == [("new", 2), ("newer", 3)]


def test_tables_of_another_version_answer_no_advance(store_url: str) -> None:
    with closing(open_read_store(store_url, [replace(MODEL, version=2)])):
        pass
    with closing(open_read_store(store_url, [MODEL])) as older:
        with pytest.raises(StoreError, match="not of this version"):
            advance(older[MODEL], 0, 1)
        with older[MODEL].shadow() as shadow, shadow.hold_live() as held:
            assert held is None
            shadow.swap()
        advance(older[MODEL], 0, 1)


def test_memory_is_its_owners_own() -> None:
    with closing(open_read_store("memory:", [MODEL])) as one, closing(open_read_store("memory:", [MODEL])) as other:
        advance(one[MODEL], 0, 1, names={"a": 1})
        assert rows(other[MODEL], NAMES) == []


def test_closing_joins_every_thread(url: str) -> None:
    before = set(threading.enumerate())
    opened = open_read_store(url, [MODEL])
    advance(opened[MODEL], 0, 1)
    opened.close()
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize("bad", ["mysql://host/db", "depot.db", "://"])
def test_a_url_that_names_no_store_is_refused(bad: str) -> None:
    with pytest.raises(InvalidInput):
        open_read_store(bad, [MODEL])
