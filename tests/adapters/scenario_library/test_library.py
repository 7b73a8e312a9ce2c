"""The scenarios that come along: all are sound and play to their end, and the world does what they say."""

from __future__ import annotations

import pytest

from depot_sim.domain.run.aggregate import SimulationRun
from depot_sim.domain.run.events import FailSafeEntered, FailSafeLeft
from depot_sim.domain.run.world.charging.limits import Constraint, export_limit_w, fail_safe_limit_w, limit_in_force
from depot_sim.domain.run.world.site.fail_safe import HeartbeatStatus, heartbeat_status
from depot_sim.domain.run.world.state import Dispatch, PowerState
from depot_sim.domain.scenario.script import EXPECT
from tests.adapters.scenario_library.stage import HOUR, LIBRARY, MINUTE, SECOND, Play, example, microgrid
from tests.domain.scenario.scripts import READER

TRAPS = [name for name in LIBRARY.names() if "trap" in name]
KW = 1_000


def link(run: SimulationRun) -> HeartbeatStatus:
    return heartbeat_status(run.depot.controllers[0], run.world.controllers[0], run.world.at)


def is_fail_safe(run: SimulationRun) -> bool:
    return run.world.controllers[0].fail_safe


def limit(run: SimulationRun) -> int | None:
    return limit_in_force(run.depot, run.world, 1).limit_w


def fail_safe_times(name: str, **controller: str) -> list[tuple[str, int]]:
    """("in" or "out", logical s) of every change."""
    play = Play(name, microgrid(**controller)).to_its_end()
    changes = [event for event in play.run.pending if isinstance(event, FailSafeEntered | FailSafeLeft)]
    return [("in" if isinstance(event, FailSafeEntered) else "out", event.at // SECOND) for event in changes]


def test_there_are_five_traps_and_everything_the_controller_needs() -> None:
    assert len(TRAPS) == 5
    assert set(LIBRARY.names()) >= {
        "bba-all-fields",
        "bba-capacity-up-down",
        "bba-device-power-states",
        "bba-dispatch-states",
        "bba-export-limit",
        "bba-fail-safe-entry",
        "bba-heartbeat-late",
        "bba-heartbeat-lost-and-back",
        "bba-mode-table",
        "bba-soc-sweep",
    }


@pytest.mark.parametrize("name", LIBRARY.names())
def test_a_scenario_bears_its_files_name_and_says_what_it_shows(name: str) -> None:
    script = READER.read(LIBRARY.document(name))
    assert script.name == name
    assert len(script.description) > 40
    assert {step.action for step in script.steps} <= set(READER.actions)


@pytest.mark.parametrize("name", LIBRARY.names())
def test_a_scenario_expects_the_packets_that_it_is_about(name: str) -> None:
    script = READER.read(LIBRARY.document(name))
    expected = [step.body for step in script.steps if step.action == EXPECT]
    assert len(expected) >= 2
    assert [body["title"] for body in expected if not body["title"]] == []
    assert {body["on"] for body in expected} == {"$feed"}


@pytest.mark.parametrize("name", LIBRARY.names())
def test_a_scenario_plays_to_its_end_on_a_microgrid_and_leaves_it_sound(name: str) -> None:
    play = Play(name).to_its_end()
    run = play.run
    assert len(play.execution.state.outcomes) == len(play.execution.script.steps)
    assert (is_fail_safe(run), run.world.nodes[1].limit_w) == (False, None)
    assert run.world.bess[0].power_state is PowerState.ON


@pytest.mark.parametrize("name", LIBRARY.names())
def test_a_scenario_plays_to_its_end_on_the_depot_it_names(name: str) -> None:
    depot = example(READER.read(LIBRARY.document(name)).depot)
    play = Play(name, depot, tick_ms=10 * SECOND if "trap-2" in name else SECOND).to_its_end()
    assert len(play.execution.state.outcomes) == len(play.execution.script.steps)
    assert not is_fail_safe(play.run)


def test_capacity_goes_down_to_nothing_and_up_again_while_heartbeats_come() -> None:
    play = Play("bba-capacity-up-down")
    assert play.series(lambda run: (limit(run), link(run))) == [
        (at, (kw * KW, HeartbeatStatus.OK))
        for at, kw in ((0, 500), (30, 800), (90, 400), (150, 150), (210, 0), (270, 150), (330, 800), (390, 500))
    ]


def test_late_heartbeats_are_late_and_never_lost() -> None:
    states = [state for _, state in Play("bba-heartbeat-late").series(link)]
    assert states == [HeartbeatStatus.OK, *[HeartbeatStatus.LATE, HeartbeatStatus.OK] * 5]


def test_lost_heartbeats_come_back_as_ok_at_once() -> None:
    states = Play("bba-heartbeat-lost-and-back", microgrid(grace="10 min")).series(link)
    assert states == [
        (0, HeartbeatStatus.OK),
        (76, HeartbeatStatus.LATE),
        (150, HeartbeatStatus.LOST),
        (210, HeartbeatStatus.OK),
    ]


def test_fail_safe_holds_the_site_at_a_limit_that_may_change_meanwhile() -> None:
    held = Play("bba-fail-safe-entry").series(lambda run: limit_in_force(run.depot, run.world, 1))
    assert held == [
        (0, (500 * KW, Constraint.CONFIGURED)),
        (161, (120 * KW, Constraint.FAIL_SAFE)),
        (300, (60 * KW, Constraint.FAIL_SAFE)),
        (361, (500 * KW, Constraint.CONFIGURED)),
    ]


@pytest.mark.parametrize("grace", [0, 10, 60])
def test_trap_1_fail_safe_ends_with_the_first_heartbeat(grace: int) -> None:
    times = fail_safe_times(TRAPS[0], grace=f"{grace} s")
    assert times == [("in", 150 + grace), ("out", 230)]


def test_trap_2_without_a_heartbeat_the_site_is_never_let_go() -> None:
    play = Play(TRAPS[1], tick_ms=10 * SECOND)
    held = {limit(run) for at, run in play if 3 * MINUTE <= at <= 3 * HOUR}
    assert held == {100 * KW}
    assert not is_fail_safe(play.run)


def test_trap_3_a_link_is_armed_when_it_is_created() -> None:
    assert fail_safe_times(TRAPS[2], grace="0 s") == []
    states = [state for _, state in Play(TRAPS[2]).series(link)]
    assert states == [HeartbeatStatus.OK, HeartbeatStatus.NEVER, HeartbeatStatus.OK]


@pytest.mark.parametrize("grace", [0, 10, 60])
def test_trap_4_fail_safe_begins_on_time(grace: int) -> None:
    """The last heartbeat is the one at 375 s, three spacings of 115 s after the one at 30 s."""
    assert fail_safe_times(TRAPS[3], grace=f"{grace} s") == [("in", 375 + 120 + grace), ("out", 640)]


@pytest.mark.parametrize("grace", [0, 10, 60])
def test_trap_5_nothing_but_a_heartbeat_is_a_heartbeat(grace: int) -> None:
    times = fail_safe_times(TRAPS[4], grace=f"{grace} s")
    assert times == [("in", 150 + grace), ("out", 300)]


def test_all_fields_are_moved() -> None:
    play = Play("bba-all-fields")
    seen = [
        (
            limit(run),
            fail_safe_limit_w(run.depot, run.world, 1),
            export_limit_w(run.depot, run.world, 1),
            link(run),
            run.world.bess[0].dispatch,
            run.world.bess[0].power_state,
        )
        for _, run in play
    ]
    limits, fail_safe, export, links, dispatches, power_states = (set(column) for column in zip(*seen, strict=True))
    assert limits >= {300 * KW, 900 * KW, 500 * KW, 120 * KW}
    assert (fail_safe, export) == ({100 * KW, 120 * KW}, {150 * KW, 50 * KW})
    assert links == {HeartbeatStatus.OK, HeartbeatStatus.LATE, HeartbeatStatus.LOST}
    assert dispatches == set(Dispatch)
    assert power_states >= {PowerState.ON, PowerState.OFF, PowerState.STARTING, PowerState.SHUTTING_DOWN}


def test_dispatches_move_the_battery_only_while_they_are_active() -> None:
    powers: dict[Dispatch, set[int]] = {}
    for _, run in Play("bba-dispatch-states"):
        powers.setdefault(run.world.bess[0].dispatch, set()).add(run.world.bess[0].setpoint_w)
    assert set(powers) == set(Dispatch)
    assert powers[Dispatch.ACTIVE] == {100 * KW, -100 * KW, 0}


def test_what_leaves_the_site_follows_the_export_limit() -> None:
    loads = {at // SECOND: run.world.nodes[1].load_w for at, run in Play("bba-export-limit")}
    assert [loads[at] // KW for at in (59, 119, 179, 239, 299, 329)] == [-150, -100, -25, 0, -100, -150]


def test_the_state_of_charge_sweeps_from_empty_to_full_and_back() -> None:
    sweep = Play("bba-soc-sweep").series(lambda run: run.world.bess[0].stored_mj * 100 // run.depot.bess[0].capacity)
    assert [soc for _, soc in sweep] == [*range(0, 101, 10), *range(90, -1, -10), 50]


def test_power_states_are_gone_through_one_by_one() -> None:
    for read in (lambda run: run.world.bess[0].power_state, lambda run: run.world.pv[0].power_state):
        states = [state for _, state in Play("bba-device-power-states").series(read)]
        assert set(states) == set(PowerState)
        assert (states[0], states[-1]) == (PowerState.ON, PowerState.ON)
