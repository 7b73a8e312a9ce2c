"""The contract of the event log, on every database."""

from __future__ import annotations

import threading
from itertools import pairwise

import pytest
from eventsourcing.persistence import ApplicationRecorder, IntegrityError, StoredEvent

from depot_sim.adapters.event_store import EventStore, open_event_store
from depot_sim.application.event_log import Append, Fence, Filter, Row, Snapshot, StreamWrite
from depot_sim.application.event_times import position_recorded_before
from depot_sim.domain.kernel.errors import LeaseLost, StoreError, VersionConflict
from tests.adapters.event_store.samples import Counted, counted, write
from tests.patience import patient


def numbers(rows: list[Row]) -> list[int]:
    events = [row.decoded().event for row in rows]
    return [event.number for event in events if isinstance(event, Counted)]


def test_what_was_appended_is_read_back_in_order(store: EventStore) -> None:
    positions = store.log.append(Append([StreamWrite("run-1", 0, counted(10, 20, 30))], metadata=b'{"by":"me"}'))
    rows = store.log.read_stream("run-1")
    assert [row.position for row in rows] == list(positions)
    assert [(row.stream, row.version, row.metadata) for row in rows] == [
        ("run-1", version, b'{"by":"me"}') for version in (1, 2, 3)
    ]
    assert numbers(rows) == [10, 20, 30]
    assert type(rows[0]) is Row
    assert isinstance(rows[0].state, bytes)


def test_recorded_at_is_wall_time_in_microseconds(store: EventStore) -> None:
    store.log.append(write("run-1", 0, 1))
    (row,) = store.log.read_all()
    assert 1_600_000_000_000_000 < row.recorded_at < 10_000_000_000_000_000


class Clock:
    """Wall time in µs, set by the test."""

    def __init__(self, now: int) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def test_recorded_times_never_go_back_though_the_clock_does(store_url: str) -> None:
    hour, begin = 3_600_000_000, 1_800_000_000_000_000
    clock = Clock(begin)
    with open_event_store(store_url, now_us=clock) as store:
        for number, step in enumerate((0, 1, -hour, 5, hour, 0)):
            clock.now += step
            store.log.append(write("run-1", number, number))
    clock.now = begin - 24 * hour
    with open_event_store(store_url, now_us=clock) as store:
        store.log.append(write("run-1", 6, 6))
        recorded = [row.recorded_at - begin for row in store.log.read_all()]
        assert recorded == [0, 1, 1, 1, 6, 6, 6]
        assert position_recorded_before(store.log, begin + 1) == store.log.read_all()[0].position


def test_recorded_times_are_sorted_though_the_clocks_of_two_processes_differ(postgres_url: str) -> None:
    with (
        open_event_store(postgres_url, now_us=lambda: 2_000) as ahead,
        open_event_store(postgres_url, now_us=lambda: 1_000) as behind,
    ):
        for number in range(3):
            behind.log.append(write("behind", number, number))
            ahead.log.append(write("ahead", number, number))
        assert [row.recorded_at for row in ahead.log.read_all()] == [1_000, 2_000, 2_000, 2_000, 2_000, 2_000]


def test_a_probe_of_the_store_adds_no_event(store: EventStore) -> None:
    store.log.append(write("run-1", 0, 1))
    for _ in range(3):
        store.log.check_writable()
    assert store.log.head() == 1
    assert not store.log.wait_beyond(1, 0.01)


def test_an_empty_log_has_head_and_versions_zero(store: EventStore) -> None:
    assert store.log.head() == 0
    assert store.log.stream_version("run-1") == 0
    assert store.log.read_all() == []
    assert store.log.read_stream("run-1") == []
    assert store.log.latest_snapshot("run-1") is None


def test_one_append_writes_several_streams(store: EventStore) -> None:
    positions = store.log.append(
        Append([StreamWrite("a", 0, counted(1, 2)), StreamWrite("b", 0, counted(3)), StreamWrite("a", 2, counted(4))])
    )
    assert len(positions) == 4
    assert [(row.stream, row.version) for row in store.log.read_all()] == [("a", 1), ("a", 2), ("b", 1), ("a", 3)]


@pytest.mark.parametrize("expected", [0, 1, 3])
def test_an_append_at_another_version_conflicts_and_writes_nothing(store: EventStore, expected: int) -> None:
    store.log.append(write("run-1", 0, 1, 2))
    with pytest.raises(VersionConflict) as refused:
        store.log.append(Append([StreamWrite("other", 0, counted(9)), StreamWrite("run-1", expected, counted(3))]))
    assert (refused.value.stream, refused.value.expected) == ("run-1", expected)
    assert [(row.stream, row.version) for row in store.log.read_all()] == [("run-1", 1), ("run-1", 2)]


def test_an_append_without_events_still_checks_the_version(store: EventStore) -> None:
    assert len(store.log.append(Append([StreamWrite("run-1", 0, [])]))) == 0
    with pytest.raises(VersionConflict):
        store.log.append(Append([StreamWrite("run-1", 7, [])]))


def test_a_conflict_in_a_group_fails_only_its_own_append(store: EventStore) -> None:
    store.log.append(write("taken", 0, 1))
    outcomes = store.log.append_many([write("a", 0, 1), write("taken", 0, 2), write("b", 0, 3, 4)])
    assert [type(outcome) for outcome in outcomes] == [range, VersionConflict, range]
    rows = store.log.read_all(after=1)
    assert [(row.stream, row.version) for row in rows] == [("a", 1), ("b", 1), ("b", 2)]
    assert [row.position for row in rows] == [*_positions(outcomes[0]), *_positions(outcomes[2])]


def test_appends_of_one_group_may_follow_each_other_on_a_stream(store: EventStore) -> None:
    store.log.append(write("run-1", 0, *range(5)))
    outcomes = store.log.append_many([write("run-1", 5, 5), write("run-1", 6, 6, 7), write("run-1", 8, 8)])
    assert [len(_positions(outcome)) for outcome in outcomes] == [1, 2, 1]
    assert numbers(store.log.read_stream("run-1")) == list(range(9))


def test_a_refused_append_does_not_stand_in_the_way_of_one_that_counted_without_it(store: EventStore) -> None:
    store.log.append(write("run-1", 0, 1))
    outcomes = store.log.append_many([write("run-1", 0, 9), write("run-1", 1, 2), write("run-1", 1, 9)])
    assert [isinstance(outcome, VersionConflict) for outcome in outcomes] == [True, False, True]
    assert numbers(store.log.read_stream("run-1")) == [1, 2]


def test_an_append_that_fails_in_its_second_stream_leaves_no_trace_for_the_next(store: EventStore) -> None:
    store.log.append(write("b", 0, 1))
    broken = Append([StreamWrite("a", 0, counted(9)), StreamWrite("b", 0, counted(9))])
    outcomes = store.log.append_many([broken, write("a", 0, 1)])
    assert isinstance(outcomes[0], VersionConflict)
    assert numbers(store.log.read_stream("a")) == [1]


def test_a_stale_fence_fails_only_its_own_append(store: EventStore) -> None:
    stale = store.leases.acquire("run-1", "first", 60)
    newest = store.leases.acquire("run-1", "first", 60)
    assert stale is not None
    assert newest is not None
    outcomes = store.log.append_many(
        [
            write("run-1", 0, 1)._replace(fence=Fence("run-1", stale)),
            write("run-1", 0, 2)._replace(fence=Fence("run-1", newest)),
            write("run-2", 0, 3),
        ]
    )
    assert [type(outcome) for outcome in outcomes] == [LeaseLost, range, range]
    assert numbers(store.log.read_all()) == [2, 3]


def test_a_fence_without_any_lease_is_refused(store: EventStore) -> None:
    with pytest.raises(LeaseLost):
        store.log.append(write("run-1", 0, 1)._replace(fence=Fence("run-1", 1)))


def test_an_empty_group_writes_nothing(store: EventStore) -> None:
    assert store.log.append_many([]) == []


def test_a_stream_is_read_in_parts_and_backwards(store: EventStore) -> None:
    store.log.append(write("run-1", 0, *range(1, 11)))
    store.log.append(write("run-10", 0, 99))
    read = store.log.read_stream
    assert numbers(read("run-1", after=3, upto=6)) == [4, 5, 6]
    assert numbers(read("run-1", limit=2)) == [1, 2]
    assert numbers(read("run-1", after=2, limit=2, newest_first=True)) == [10, 9]
    assert numbers(read("run-1", upto=3, newest_first=True)) == [3, 2, 1]


def test_the_log_is_read_in_parts_and_backwards(store: EventStore) -> None:
    positions = store.log.append(write("run-1", 0, *range(1, 11)))
    read = store.log.read_all
    assert numbers(read(positions[2], 2)) == [4, 5]
    assert numbers(read(positions[2], upto=positions[4])) == [4, 5]
    assert numbers(read(0, 2, newest_first=True)) == [10, 9]


FILTERS = [
    (Filter(streams=("run-1",)), [1]),
    (Filter(streams=("run-1", "config-1")), [1, 3]),
    (Filter(stream_prefixes=("run-",)), [1, 2]),
    (Filter(stream_prefixes=("run_", "CONFIG", "run-1%")), []),
    (Filter(streams=("config-1",), stream_prefixes=("run-2",)), [2, 3]),
    (Filter(topics=("other",)), [3]),
    (Filter(stream_prefixes=("run-",), topics=("other",)), []),
    (Filter(), [1, 2, 3]),
]


@pytest.mark.parametrize(("where", "expected"), FILTERS)
def test_the_log_is_filtered_by_stream_prefix_and_topic(store: EventStore, where: Filter, expected: list[int]) -> None:
    store.log.append(write("run-1", 0, 1))
    store.log.append(write("run-2", 0, 2))
    (event,) = counted(3)
    store.log.append(Append([StreamWrite("config-1", 0, [event._replace(topic="other")])]))
    found = [int(row.state.split(b":")[1].strip(b"}")) for row in store.log.read_all(where=where)]
    assert found == expected


def test_the_newest_snapshot_within_bounds_is_found(store: EventStore) -> None:
    for version, at in ((10, 1000), (20, 2000), (30, 2000)):
        store.log.save_snapshot(Snapshot("run-1", version, at, b"state %d" % version))
    store.log.save_snapshot(Snapshot("run-2", 99, 9999, b"other"))
    latest = store.log.latest_snapshot
    assert latest("run-1") == Snapshot("run-1", 30, 2000, b"state 30")
    assert latest("run-1", upto_version=29) == Snapshot("run-1", 20, 2000, b"state 20")
    assert latest("run-1", upto_at=1999) == Snapshot("run-1", 10, 1000, b"state 10")
    assert latest("run-1", upto_version=9) is None


def test_a_snapshot_saved_again_replaces_itself(store: EventStore) -> None:
    store.log.save_snapshot(Snapshot("run-1", 10, 1000, b"old"))
    store.log.save_snapshot(Snapshot("run-1", 10, 1000, b"new"))
    assert store.log.latest_snapshot("run-1") == Snapshot("run-1", 10, 1000, b"new")


def test_waiting_ends_with_a_commit_of_another_thread(store: EventStore) -> None:
    positions = store.log.append(write("run-1", 0, 1))
    assert store.log.wait_beyond(positions[-1] - 1, 0)
    writer = threading.Timer(0.05, store.log.append, [write("run-1", 1, 2)])
    writer.start()
    assert store.log.wait_beyond(positions[-1], patient(60))
    writer.join()
    assert store.log.stream_version("run-1") == 2


def test_waiting_ends_without_a_commit_after_its_time(store: EventStore) -> None:
    assert not store.log.wait_beyond(store.log.head(), 0.01)


def test_closing_lets_waiters_go_and_joins_every_thread(store: EventStore) -> None:
    before = set(threading.enumerate())
    waiting = threading.Thread(target=store.log.wait_beyond, args=(0, 60))
    waiting.start()
    assert not store.log.wait_beyond(0, 0.05)
    store.close()
    waiting.join(patient(60))
    assert set(threading.enumerate()) <= before


def test_a_closed_store_says_so(store: EventStore) -> None:
    store.close()
    for use in (store.log.head, lambda: store.log.append(write("a", 0, 1)), lambda: store.log.wait_beyond(0, 1)):
        with pytest.raises(StoreError, match="closed"):
            use()


def test_threads_that_write_and_read_at_once_get_one_order(store: EventStore) -> None:
    def work(stream: str) -> None:
        for version in range(20):
            store.log.append(write(stream, version, version))
            assert numbers(store.log.read_stream(stream, after=version)) == [version]

    threads = [threading.Thread(target=work, args=(f"run-{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    rows = store.log.read_all()
    assert len(rows) == 80
    assert all(earlier.position < later.position for earlier, later in pairwise(rows))


def test_the_librarys_recorder_reads_and_writes_the_same_log(store: EventStore) -> None:
    recorder = store.log
    assert isinstance(recorder, ApplicationRecorder)
    stored = [StoredEvent("run-1", version, "topic", b"%d" % version) for version in (1, 2, 3)]
    ids = recorder.insert_events(stored)
    assert ids is not None
    assert [row.version for row in store.log.read_all()] == [1, 2, 3]
    assert recorder.select_events("run-1") == stored
    assert recorder.select_events("run-1", gt=1, desc=True, limit=1) == stored[2:]
    assert recorder.max_notification_id() == ids[-1]
    assert [note.id for note in recorder.select_notifications(ids[0], 10)] == list(ids)
    assert [note.id for note in recorder.select_notifications(ids[0], 1, inclusive_of_start=False)] == [ids[1]]
    assert [note.id for note in recorder.select_notifications(None, 10, stop=ids[1], topics=["topic"])] == list(ids[:2])
    with pytest.raises(IntegrityError):
        recorder.insert_events(stored[:1])


def test_the_librarys_subscription_yields_what_was_and_what_comes(store: EventStore) -> None:
    recorder = store.log
    assert isinstance(recorder, ApplicationRecorder)
    store.log.append(write("run-1", 0, 1, 2))
    with recorder.subscribe(topics=[Counted.TOPIC]) as notifications:
        assert [next(notifications).originator_version for _ in range(2)] == [1, 2]
        writer = threading.Timer(0.05, store.log.append, [write("run-1", 2, 3)])
        writer.start()
        assert next(notifications).originator_version == 3
        writer.join()
        notifications.stop()
        with pytest.raises(StopIteration):
            next(notifications)


def _positions(outcome: object) -> range:
    assert isinstance(outcome, range)
    return outcome
