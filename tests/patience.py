"""How long tests wait before they report a hang."""

from __future__ import annotations

import os

_FACTOR = float(os.environ.get("DEPOT_SIM_TEST_PATIENCE", "1"))


def patient(seconds: float) -> float:
    """The time-out to use for a wait of at most `seconds` on a quiet machine, in seconds.

    Every time-out of the tests is given through here. It guards against hangs only, so it is generous, and the
    environment variable DEPOT_SIM_TEST_PATIENCE multiplies it (default 1) on a machine that is slower or busy.
    """
    return seconds * _FACTOR
