"""The heartbeat link: the five places where real products broke, and the times in between."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.configuration.document import MicrogridController, Node
from depot_sim.domain.kernel.quantities import Duration, Power
from depot_sim.domain.run.commands import RestartController, SetControllerHeartbeats
from depot_sim.domain.run.events import (
    ControllerHeartbeatsChanged,
    FailSafeEntered,
    FailSafeLeft,
    NodeLimitChanged,
    RunTicked,
)
from depot_sim.domain.run.world.site.fail_safe import (
    HeartbeatStatus,
    fail_safe_changes_at,
    heartbeat_counter,
    heartbeat_status,
    last_heartbeat,
)
from depot_sim.domain.run.world.state import NEVER, NOBODY, ControllerState
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
    assert fail_safe_changes_at(LINK, silent(1_000), 1_000) == 121_000
    assert fail_safe_changes_at(GRACIOUS, silent(1_000), 1_000) == 166_000
    assert fail_safe_changes_at(LINK, silent(NOBODY), 0) == 120_000
    assert fail_safe_changes_at(LINK, silent(1_000), DAY) == DAY


@given(st.integers(0, 10 * DAY), st.integers(1, 90 * SECOND), st.integers(90 * SECOND, HOUR))
def test_a_beating_link_is_never_lost(at: int, interval: int, lost_after: int) -> None:
    spec = MicrogridController(
        id="m", node="grid", heartbeat_interval=Duration(interval), lost_after=Duration(lost_after)
    )
    assert heartbeat_status(spec, ControllerState(), at) is HeartbeatStatus.OK
    assert fail_safe_changes_at(spec, ControllerState(), at) == NEVER


def test_slower_heartbeats_are_late_one_after_the_other_but_come() -> None:
    slow = ControllerState(every_ms=70 * SECOND)
    status = [heartbeat_status(LINK, slow, at * SECOND) for at in (0, 45, 46, 69, 70, 115, 116, 140)]
    ok, late = HeartbeatStatus.OK, HeartbeatStatus.LATE
    assert status == [ok, ok, late, late, ok, ok, late, ok]
    assert heartbeat_counter(LINK, slow, 140 * SECOND) == 3
    assert fail_safe_changes_at(LINK, slow, DAY) == NEVER


@given(st.integers(0, HOUR), st.integers(0, HOUR), st.integers(SECOND, 5 * MINUTE), st.booleans())
def test_fail_safe_changes_exactly_where_a_clock_of_seconds_finds_it(
    began: int, wait: int, every: int, beating: bool
) -> None:
    """Looked for heartbeat by heartbeat, the node is in fail-safe exactly while the last one is too long ago."""
    state = ControllerState(beating=beating, beats_from=began, last_beat=began, every_ms=every)
    at = began + wait
    patience = GRACIOUS.lost_after + GRACIOUS.grace
    state.fail_safe = at - last_heartbeat(GRACIOUS, state, at) >= patience
    change = fail_safe_changes_at(GRACIOUS, state, at)
    looked_at = [at, *(at + ahead * SECOND for ahead in range(1, 900)), change - 1, change]
    for moment in looked_at:
        if at <= moment < change + 1 and moment < NEVER:
            silent_too_long = moment - last_heartbeat(GRACIOUS, state, moment) >= patience
            assert silent_too_long == (state.fail_safe if moment < change else not state.fail_safe)


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


def test_a_watchdog_of_a_minute_is_not_fooled_by_heartbeats_every_seventy_seconds() -> None:
    """A real product set to 60 s fired at about 80 s, and so never noticed these."""
    simulation = site(MicrogridController(id="m", node="grid", lost_after=Duration(60 * SECOND)))
    simulation.command(SetControllerHeartbeats(controller="m", beating=True, every=Duration(70 * SECOND)))
    simulation.advance(3 * MINUTE, tick=SECOND)
    assert simulation.of(FailSafeEntered, FailSafeLeft) == [
        FailSafeEntered(60 * SECOND, "m"),
        FailSafeLeft(70 * SECOND, "m"),
        FailSafeEntered(130 * SECOND, "m"),
        FailSafeLeft(140 * SECOND, "m"),
    ]


def test_one_long_tick_enters_and_leaves_as_often_as_many_short_ones() -> None:
    changes = []
    for tick in (SECOND, HOUR):
        simulation = site()
        simulation.command(SetControllerHeartbeats(controller="m", beating=True, every=Duration(130 * SECOND)))
        simulation.advance(HOUR, tick)
        changes.append(simulation.of(FailSafeEntered, FailSafeLeft))
    assert len(changes[0]) == 2 * (3600 // 130)
    assert changes[0] == changes[1]


def test_a_restarted_controller_is_not_lost_until_its_time_has_passed_again() -> None:
    """A timer that was not armed anew made a real product go into fail-safe after ten seconds."""
    simulation = site()
    simulation.advance(HOUR)
    simulation.command(SetControllerHeartbeats(controller="m", beating=False))
    simulation.command(RestartController(controller="m"))
    state = simulation.world.controllers[0]
    assert heartbeat_status(LINK, state, HOUR) is HeartbeatStatus.NEVER
    assert heartbeat_counter(LINK, state, HOUR) == 0
    simulation.advance(HOUR + 119 * SECOND, tick=SECOND)
    assert heartbeat_status(LINK, state, simulation.world.at) is HeartbeatStatus.NEVER
    simulation.advance(2 * HOUR)
    assert simulation.of(FailSafeEntered, FailSafeLeft) == [FailSafeEntered(HOUR + 120 * SECOND, "m")]


def test_a_restarted_controller_that_beats_is_heard_after_one_interval() -> None:
    simulation = site()
    simulation.advance(100 * SECOND)
    simulation.command(RestartController(controller="m"))
    state = simulation.world.controllers[0]
    seen = [heartbeat_status(LINK, state, at * SECOND) for at in (100, 129, 130)]
    assert seen == [HeartbeatStatus.NEVER, HeartbeatStatus.NEVER, HeartbeatStatus.OK]
    assert heartbeat_counter(LINK, state, 160 * SECOND) == 2


def test_a_restart_lifts_no_cap_only_a_heartbeat_does() -> None:
    simulation = site()
    beat(simulation, on=False)
    simulation.advance(5 * MINUTE)
    simulation.command(RestartController(controller="m"))
    simulation.advance(HOUR)
    assert simulation.of(FailSafeLeft) == []
    beat(simulation, on=True)
    simulation.advance(2 * HOUR)
    assert simulation.of(FailSafeLeft) == [FailSafeLeft(HOUR, "m")]


def test_other_spacing_keeps_its_distance_to_the_last_heartbeat() -> None:
    simulation = site()
    simulation.advance(100 * SECOND)
    simulation.command(SetControllerHeartbeats(controller="m", beating=True, every=Duration(70 * SECOND)))
    state = simulation.world.controllers[0]
    assert [last_heartbeat(LINK, state, at * SECOND) // SECOND for at in (100, 159, 160, 230)] == [90, 90, 160, 230]
    simulation.advance(150 * SECOND)
    simulation.command(SetControllerHeartbeats(controller="m", beating=True))
    assert [last_heartbeat(LINK, state, at * SECOND) // SECOND for at in (150, 180)] == [150, 180]


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
