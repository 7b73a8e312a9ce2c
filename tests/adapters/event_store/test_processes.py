"""Several processes on one store: what was acknowledged survives a kill, and readers elsewhere miss nothing."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import pairwise

from depot_sim.adapters.event_store import open_event_store, read_event_log
from depot_sim.application.event_log import Fence, Row
from depot_sim.application.subscription import Subscription
from tests.adapters.event_store.samples import write
from tests.patience import patient
from tests.processes import killed_at_end, start_module


@contextmanager
def writer(url: str, stream: str, count: int, size: int = 1) -> Iterator[subprocess.Popen[str]]:
    """A process that appends; killed at the end if it still runs."""
    module = "tests.adapters.event_store.writer"
    with killed_at_end(start_module(module, url, stream, str(count), str(size))) as process:
        yield process


def acknowledged(process: subprocess.Popen[str]) -> int:
    """The next version the process tells."""
    assert process.stdout is not None
    return int(process.stdout.readline())


def test_what_a_killed_writer_acknowledged_is_in_the_log(store_url: str) -> None:
    version = 0
    for repetition in range(3):
        with writer(store_url, f"run-{repetition}", 1_000_000, 3) as process:
            for _ in range(20):
                version = acknowledged(process)
            process.kill()
            assert process.stdout is not None
            rest = process.stdout.read()
            # A line cut short by the kill was never told in full.
            version = int(rest.split("\n")[-2]) if rest.count("\n") else version
        with open_event_store(store_url) as store:
            rows = store.log.read_stream(f"run-{repetition}")
            assert version <= len(rows) <= version + 3
            assert [row.version for row in rows] == list(range(1, len(rows) + 1))
            store.log.append(write(f"run-{repetition}", len(rows), 0))


def test_a_tailing_reader_sees_every_position_of_eight_writing_processes_once_and_in_order(postgres_url: str) -> None:
    with open_event_store(postgres_url) as store, ExitStack() as processes:
        for number in range(8):
            processes.enter_context(writer(postgres_url, f"run-{number}", 40, 2))
        seen: list[Row] = []
        for row in Subscription(store.log):
            seen.append(row)
            if len(seen) == 8 * 40:
                break
        assert seen == store.log.read_all(0, 1000)
        assert all(earlier.position < later.position for earlier, later in pairwise(seen))
        for number in range(8):
            versions = [row.version for row in seen if row.stream == f"run-{number}"]
            assert versions == list(range(1, 41))


def test_processes_that_create_a_store_at_the_same_time_all_write_to_it(postgres_url: str) -> None:
    with ExitStack() as stack:
        processes = [stack.enter_context(writer(postgres_url, f"run-{number}", 2)) for number in range(4)]
        for process in processes:
            process.communicate()
        assert [process.returncode for process in processes] == [0] * 4
    with open_event_store(postgres_url) as store:
        assert len(store.log.read_all()) == 8


def test_a_commit_of_another_process_wakes_a_waiting_reader_soon(store_url: str) -> None:
    open_event_store(store_url).close()
    with read_event_log(store_url) as log:
        with writer(store_url, "run-1", 1) as process:
            assert log.wait_beyond(0, 30)
            process.communicate()
        with writer(store_url, "run-2", 1_000) as process:
            acknowledged(process)
            began = time.monotonic()
            assert log.wait_beyond(log.head(), 30)
            assert time.monotonic() - began < patient(5)


def test_a_stalled_holder_that_wakes_up_can_append_nothing(postgres_url: str) -> None:
    with open_event_store(postgres_url) as stalled, open_event_store(postgres_url) as other:
        token = stalled.leases.acquire("run-1", "stalled", -1)
        assert token is not None
        newer = other.leases.acquire("run-1", "other", 60)
        assert newer is not None
        outcomes = stalled.log.append_many([write("run-1", 0, 1)._replace(fence=Fence("run-1", token))])
        assert isinstance(outcomes[0], Exception)
        other.log.append(write("run-1", 0, 1)._replace(fence=Fence("run-1", newer)))


def test_a_frozen_process_does_not_hold_up_the_others_on_a_server(postgres_url: str) -> None:
    with open_event_store(postgres_url) as store, writer(postgres_url, "frozen", 1_000_000) as process:
        acknowledged(process)
        process.send_signal(signal.SIGSTOP)
        store.log.append(write("run-1", 0, 1))
        process.send_signal(signal.SIGCONT)
        assert acknowledged(process) > 1
