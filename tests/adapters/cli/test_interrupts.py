"""Signals between two steps."""

from __future__ import annotations

import os
import signal

import pytest

from depot_sim.adapters.cli.failures import Interrupted
from depot_sim.adapters.cli.interrupts import interruptible


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_waits_for_the_next_check(number: signal.Signals) -> None:
    with interruptible() as check:
        check()
        os.kill(os.getpid(), number)
        with pytest.raises(Interrupted):
            check()


def test_the_second_signal_strikes_at_once() -> None:
    with interruptible():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_afterwards_signals_mean_what_they_meant_before() -> None:
    before = signal.getsignal(signal.SIGINT)
    with interruptible():
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before
