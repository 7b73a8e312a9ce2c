"""How tests wait: how long before they report a hang, and how often they look meanwhile."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

_FIRST_PAUSE_SECONDS = 0.005
_LONGEST_PAUSE_SECONDS = 0.05
_FACTOR = float(os.environ.get("DEPOT_SIM_TEST_PATIENCE", "1"))


def patient(seconds: float) -> float:
    """The time-out to use for a wait of at most `seconds` on a quiet machine, in seconds.

    Every time-out of the tests is given through here. It guards against hangs only, so it is generous, and the
    environment variable DEPOT_SIM_TEST_PATIENCE multiplies it (default 1) on a machine that is slower or busy.
    """
    return seconds * _FACTOR


def looks(seconds: float = 60) -> Iterator[None]:
    """One item for each look at what a test waits for; the items end after `patient(seconds)`.

    The pauses between looks grow: a look at a service is a request, which takes processor time from what is waited for.
    """
    deadline = time.monotonic() + patient(seconds)
    pause = _FIRST_PAUSE_SECONDS
    while time.monotonic() < deadline:
        yield
        time.sleep(pause)
        pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
