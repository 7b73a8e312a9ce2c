"""The heartbeat link: the five places where real products broke, and the times in between."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.configuration.document import MicrogridController, Node
from domain.configuration.quantities import Duration, Power
from domain.run.events import ControllerHeartbeatsChanged, FailSafeEntered, FailSafeLeft, NodeLimitChanged, RunTicked
from domain.run.world.fail_safe import (
    HeartbeatStatus,
    fail_safe_from,
    heartbeat_counter,
    heartbeat_status,
    last_heartbeat,
)
from domain.run.world.state import NEVER, NOBODY, ControllerState
from tests.domain.run.world.depots import DAY, HOUR, KW, MINUTE, SECOND, Simulation, charger, document, vehicle

LINK = MicrogridController(id="m", node="grid")  # 30 s interval, lost after 120 s
GRACIOUS = MicrogridController(id="m", node="grid", grace=Duration(45 * SECOND))


def silent(last: int) -> ControllerState:
    return ControllerState(beating=False, last_beat=last, beats_before=1)


def site(controller: MicrogridController = LINK) -> Simulation:
    """200 kW, 40 kW in fail-safe, two hungry buses."""
    return Simulation(
        document(
            nodes=[Node(id="grid", limit=Power(200 * KW), fail_safe_limit=Power(40 * KW))],
            chargers=(charger("c1"), charger("c2")),
            vehicles=(vehicle("b1"), vehicle("b2")),
            microgrid_controllers=(controller,),
        )
    )


def beat(simulation: Simulation, *, on: bool) -> None:
    simulation.apply(ControllerHeartbeatsChanged(simulation.world.at, "m", beating=on))


# Times


def test_heartbeats_fall_on_every_interval_from_creation() -> None:
    beating = ControllerState()
    assert [last_heartbeat(LINK, beating, at) for at in (0, 29_999, 30_000, 61_000)] == [0, 0, 30_000, 60_000]
    assert [heartbeat_counter(LINK, beating, at) for at in (0, 29_999, 30_000, 61_000)] == [1, 1, 2, 3]


def test_the_counter_wraps_at_sixteen_bits() -> None:
    assert heartbeat_counter(LINK, ControllerState(), 65_534 * 30 * SECOND) == 65_535
    assert heartbeat_counter(LINK, ControllerState(), 65_535 * 30 * SECOND) == 0


@pytest.mark.parametrize(
    ("age", "status"),
    [
        (0, HeartbeatStatus.OK),
        (45 * SECOND, HeartbeatStatus.OK),
        (45 * SECOND + 1, HeartbeatStatus.LATE),
        (120 * SECOND - 1, HeartbeatStatus.LATE),
        (120 * SECOND, HeartbeatStatus.LOST),
        (DAY, HeartbeatStatus.LOST),
    ],
)
def test_late_after_one_and_a_half_intervals_lost_after_its_time(age: int, status: HeartbeatStatus) -> None:
    assert heartbeat_status(LINK, silent(1_000), 1_000 + age) is status


def test_a_link_that_never_had_a_heartbeat_says_so_until_it_is_lost() -> None:
    assert heartbeat_status(LINK, silent(NOBODY), 119_999) is HeartbeatStatus.NEVER
    assert heartbeat_status(LINK, silent(NOBODY), 120_000) is HeartbeatStatus.LOST


def test_fail_safe_begins_when_the_heartbeat_is_lost_plus_grace() -> None:
    assert fail_safe_from(LINK, silent(1_000)) == 121_000
    assert fail_safe_from(GRACIOUS, silent(1_000)) == 166_000
    assert fail_safe_from(LINK, silent(NOBODY)) == 120_000


@given(st.integers(0, 10 * DAY), st.integers(1, 90 * SECOND), st.integers(90 * SECOND, HOUR))
def test_a_beating_link_is_never_lost(at: int, interval: int, lost_after: int) -> None:
    spec = MicrogridController(
        id="m", node="grid", heartbeat_interval=Duration(interval), lost_after=Duration(lost_after)
    )
    assert heartbeat_status(spec, ControllerState(), at) is HeartbeatStatus.OK
    assert fail_safe_from(spec, ControllerState()) == NEVER


# The five traps, in a whole depot


def test_the_timer_is_armed_when_the_link_is_created() -> None:
    """A controller that is silent from the first moment drives its node into fail-safe, neither earlier nor never."""
    simulation = site()
    beat(simulation, on=False)
    simulation.advance(119 * SECOND, tick=SECOND)
    assert simulation.of(FailSafeEntered) == []
    simulation.advance(130 * SECOND, tick=SECOND)
    assert simulation.of(FailSafeEntered) == [FailSafeEntered(120 * SECOND, "m")]
    assert simulation.node().load_w == 40 * KW


def test_a_watchdog_of_two_minutes_fires_after_two_minutes_not_a_third_later() -> None:
    simulation = site()
    simulation.advance(75 * SECOND, tick=SECOND)
    beat(simulation, on=False)
    simulation.advance(10 * MINUTE, tick=SECOND)
    assert simulation.of(FailSafeEntered) == [FailSafeEntered(180 * SECOND, "m")]  # the last heartbeat was at 60 s


@pytest.mark.parametrize("tick", [1_500, 50 * SECOND, 7 * MINUTE])
def test_fail_safe_begins_at_its_moment_and_caps_from_the_next_tick_on(tick: int) -> None:
    simulation = site()
    simulation.advance(75 * SECOND)
    beat(simulation, on=False)
    simulation.advance(20 * MINUTE, tick)
    assert simulation.of(FailSafeEntered) == [FailSafeEntered(180 * SECOND, "m")]
    capped = [e.at for e in simulation.of(RunTicked) if e.nodes is not None and e.nodes.load_w == [40 * KW]]
    assert 180 * SECOND < capped[0] <= 180 * SECOND + 2 * tick


def test_a_single_heartbeat_ends_fail_safe_and_silence_brings_it_back() -> None:
    simulation = site()
    beat(simulation, on=False)
    simulation.advance(5 * MINUTE)
    beat(simulation, on=True)
    beat(simulation, on=False)
    simulation.advance(10 * MINUTE, 5 * MINUTE)
    assert simulation.of(FailSafeEntered, FailSafeLeft) == [
        FailSafeEntered(2 * MINUTE, "m"),
        FailSafeLeft(5 * MINUTE, "m"),
        FailSafeEntered(7 * MINUTE, "m"),
    ]


def test_fail_safe_ends_with_the_first_heartbeat() -> None:
    simulation = site()
    beat(simulation, on=False)
    simulation.advance(5 * MINUTE)
    assert simulation.node().load_w == 40 * KW
    beat(simulation, on=True)
    simulation.advance(6 * MINUTE)
    assert simulation.of(FailSafeLeft) == [FailSafeLeft(5 * MINUTE, "m")]
    assert simulation.node().load_w == 200 * KW


def test_without_a_heartbeat_the_cap_never_ends_by_itself() -> None:
    simulation = site()
    beat(simulation, on=False)
    simulation.advance(3 * HOUR)
    assert simulation.of(FailSafeLeft) == []
    assert simulation.node().load_w == 40 * KW


def test_only_heartbeats_refresh_the_link() -> None:
    """A platform that still sends limits, and whoever reads, does not count as alive."""
    simulation = site()
    beat(simulation, on=False)
    for minute in range(1, 6):
        simulation.advance(minute * MINUTE)
        simulation.apply(NodeLimitChanged(simulation.world.at, "grid", 190 * KW))
        heartbeat_status(LINK, simulation.world.controllers[0], simulation.world.at)
    assert simulation.of(FailSafeEntered) == [FailSafeEntered(2 * MINUTE, "m")]
    assert simulation.node().load_w == 40 * KW


def test_a_limit_below_the_fail_safe_limit_stays_in_force() -> None:
    simulation = site()
    simulation.apply(NodeLimitChanged(0, "grid", 10 * KW))
    beat(simulation, on=False)
    simulation.advance(5 * MINUTE)
    assert simulation.node().load_w == 10 * KW


def test_entering_fail_safe_takes_effect_within_the_same_tick() -> None:
    simulation = site()
    beat(simulation, on=False)
    simulation.advance(3 * MINUTE)
    ticks = {event.at: event for event in simulation.of(RunTicked)}
    assert ticks[2 * MINUTE].nodes is None
    assert ticks[3 * MINUTE].nodes is not None
    assert ticks[3 * MINUTE].nodes.load_w == [40 * KW]


@given(st.lists(st.tuples(st.integers(1, 10 * MINUTE), st.booleans()), max_size=12))
def test_stopping_and_starting_loses_and_invents_no_heartbeat(changes: list[tuple[int, bool]]) -> None:
    simulation = site()
    at, sent, beating, last = 0, [0], True, 0
    for wait, on in changes:
        at += wait
        if beating:
            sent += range(last + 30_000, at + 1, 30_000)
            last = sent[-1]
        simulation.advance(at)
        if on != beating:
            beat(simulation, on=on)
            if on and sent[-1] != at:
                sent.append(at)
            beating, last = on, at if on else last
    state = simulation.world.controllers[0]
    assert last_heartbeat(LINK, state, at) == sent[-1]
    assert heartbeat_counter(LINK, state, at) == len(sent)
