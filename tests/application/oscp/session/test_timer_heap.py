"""TimerHeap never ring late."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from depot_sim.application.oscp.session.timer_heap import TimerHeap

NAMES = st.sampled_from(["a", "b", "c"])
STEPS = st.lists(
    st.tuples(st.just("set"), NAMES, st.integers(0, 50))
    | st.tuples(st.just("cancel"), NAMES, st.just(0))
    | st.tuples(st.just("ring"), NAMES, st.integers(0, 50)),
    max_size=40,
)


def test_alarms_ring_earliest_first_and_once() -> None:
    alarms = TimerHeap()
    alarms.set("late", 30)
    alarms.set("early", 10)
    alarms.set("middle", 20)
    assert alarms.next_us() == 10
    assert alarms.ringing(9) == []
    assert alarms.ringing(20) == ["early", "middle"]
    assert alarms.ringing(20) == []
    assert alarms.next_us() == 30


def test_an_alarm_that_is_cancelled_is_silent() -> None:
    alarms = TimerHeap()
    alarms.set("a", 10)
    alarms.cancel("a")
    alarms.cancel("nobody")
    assert alarms.next_us() is None
    assert alarms.ringing(100) == []


def test_an_alarm_that_is_brought_forward_rings_at_its_new_moment_only() -> None:
    alarms = TimerHeap()
    alarms.set("a", 30)
    alarms.set("a", 10)
    assert alarms.ringing(10) == ["a"]
    assert alarms.ringing(30) == []


@given(STEPS)
def test_no_alarm_rings_late_or_twice_and_none_is_forgotten(steps: list[tuple[str, str, int]]) -> None:
    alarms = TimerHeap()
    wanted: dict[str, int] = {}
    for step, name, at in steps:
        if step == "set":
            alarms.set(name, at)
            wanted[name] = at
        elif step == "cancel":
            alarms.cancel(name)
            wanted.pop(name, None)
        else:
            rung = alarms.ringing(at)
            assert len(set(rung)) == len(rung)
            assert {one for one, moment in wanted.items() if moment <= at} <= set(rung) <= set(wanted)
            for one in rung:
                del wanted[one]
        first = alarms.next_us()
        assert (first is None) == (not wanted)
        assert first is None or first <= min(wanted.values())
