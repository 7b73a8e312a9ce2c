"""A service that starts on a store with runs and sessions, and is used at once, lives until it is killed.

`python -m bench.cold_starts` is the same with 400 starts.
"""

from __future__ import annotations

import signal
from pathlib import Path

from bench.cold_starts import cold_starts
from tests.e2e.processes import finish, running, wait_for
from tests.full_set import examples

STARTS = examples(20, 3)


def test_no_cold_start_ends_by_itself(tmp_path: Path) -> None:
    assert cold_starts(tmp_path, STARTS).crashes == []


def test_a_crash_leaves_the_stack_of_its_thread(sqlite_url: str, tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    with running("serve", "--db", sqlite_url, "--port", "0", "--ready-file", str(ready)) as process:
        wait_for(ready.exists, process)
        process.send_signal(signal.SIGSEGV)
        finished = finish(process)

    assert finished.code == -signal.SIGSEGV
    assert "Fatal Python error: Segmentation fault" in finished.err
    # Stacks of other threads are not asserted: a run once lacked something of them, and the cause is not known.
    assert "Current thread 0x" in finished.err
