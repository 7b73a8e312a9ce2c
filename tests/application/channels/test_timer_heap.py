"""Timers never ring late."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from depot_sim.application.channels.timer_heap import TimerHeap

NAMES = st.sampled_from(["a", "b", "c"])
STEPS = st.lists(
    st.tuples(st.just("set"), NAMES, st.integers(0, 50))
    | st.tuples(st.just("cancel"), NAMES, st.just(0))
    | st.tuples(st.just("ring"), NAMES, st.integers(0, 50)),
    max_size=40,
)


def test_timers_ring_earliest_first_and_once() -> None:
    timers = TimerHeap[str]()
    timers.set("late", 30)
    timers.set("early", 10)
    timers.set("middle", 20)
    assert timers.next() == 10
    assert timers.ringing(9) == []
    assert timers.ringing(20) == ["early", "middle"]
    assert timers.ringing(20) == []
    assert timers.next() == 30


def test_a_timer_that_is_cancelled_is_silent() -> None:
    timers = TimerHeap[str]()
    timers.set("a", 10)
    timers.cancel("a")
    timers.cancel("nobody")
    assert timers.next() is None
    assert timers.ringing(100) == []


def test_a_timer_that_is_brought_forward_rings_at_its_new_moment_only() -> None:
    timers = TimerHeap[str]()
    timers.set("a", 30)
    timers.set("a", 10)
    assert timers.ringing(10) == ["a"]
    assert timers.ringing(30) == []


@given(STEPS)
def test_no_timer_rings_late_or_twice_and_none_is_forgotten(steps: list[tuple[str, str, int]]) -> None:
    timers = TimerHeap[str]()
    wanted: dict[str, int] = {}
    for step, name, at in steps:
        if step == "set":
            timers.set(name, at)
            wanted[name] = at
        elif step == "cancel":
            timers.cancel(name)
            wanted.pop(name, None)
        else:
            rung = timers.ringing(at)
            assert len(set(rung)) == len(rung)
            assert {one for one, moment in wanted.items() if moment <= at} <= set(rung) <= set(wanted)
            for one in rung:
                del wanted[one]
        first = timers.next()
        assert (first is None) == (not wanted)
        assert first is None or first <= min(wanted.values())
