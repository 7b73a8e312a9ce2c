"""The timers: acknowledgements, heartbeats, plans, time-outs, on the wall's clock and the run's; and restarts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from depot_sim.application.channels.following import ChannelFollower
from depot_sim.application.http import HttpResult
from depot_sim.application.oscp.outbound.messages import OutboundMessage
from depot_sim.application.oscp.requests import (
    ForceState,
    PlanForecast,
    SendForecast,
    SendHandshake,
    SendHeartbeat,
    SwitchHeartbeats,
)
from depot_sim.application.oscp.session.hosted import HostedSession
from depot_sim.application.own_writes import OwnWrites
from depot_sim.application.run.requests import ClockRequest
from depot_sim.domain.kernel.errors import StoreError
from depot_sim.domain.kernel.quantities import Duration
from depot_sim.domain.oscp import events as e
from depot_sim.domain.oscp.vocabulary import Direction, Lifecycle, SessionClock
from depot_sim.domain.oscp.wire.times import format_instant
from depot_sim.domain.run.events import ClockMode
from tests.application.oscp.conftest import Start
from tests.application.oscp.processes import HANDSHAKE, SECOND, FakePartner, OscpProcess, WallClock
from tests.application.run.processes import ALICE, MINUTE, all_done, until
from tests.patience import patient

pytestmark = pytest.mark.anyio


def in_state(process: OscpProcess, session: str, state: Lifecycle) -> Any:
    return lambda: process.state(session) is state


async def online(process: OscpProcess, session: str) -> None:
    await process.service.force_state("r", session, ForceState(Lifecycle.ONLINE), ALICE)


async def sent(process: OscpProcess, session: str, count: int, type: str = "Heartbeat") -> None:
    """Wait until the session has sent exactly so many messages of this type, and each has its outcome."""

    def outcomes() -> list[str]:
        return process.outcomes(session, type, Direction.OUTBOUND)

    await until(lambda: len(outcomes()) == count and "" not in outcomes())


# What is due


async def test_a_handshake_is_acknowledged_after_its_answer_and_heartbeats_follow(
    process: OscpProcess, session: str, partner: FakePartner, clock: WallClock
) -> None:
    await process.tend()
    assert await process.status("handshake", HANDSHAKE, id="h-1") == 204
    await until(lambda: clock.sleepers == 1)
    assert partner.paths() == [], "the partner has its answer before"
    clock.advance(50_000)
    await until(lambda: partner.paths() == ["handshake_acknowledge", "heartbeat"])
    assert partner.headers(0)["X-Correlation-ID"] == "h-1"
    assert process.state(session) is Lifecycle.ONLINE


async def test_while_an_acknowledgement_is_prepared_nothing_turns_round_and_round(
    process: OscpProcess, session: str, clock: WallClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await process.tend()
    works = 0
    work = process.session_timers._work

    async def counted(session_id: str) -> None:
        nonlocal works
        works += 1
        await work(session_id)

    monkeypatch.setattr(process.session_timers, "_work", counted)
    await process.receive("handshake", HANDSHAKE)
    await until(lambda: clock.sleepers == 1)
    for _ in range(100):
        await asyncio.sleep(0)
    assert works == 1


async def test_heartbeats_go_at_the_partners_interval(process: OscpProcess, session: str, partner: FakePartner) -> None:
    await process.tend()
    await process.receive("handshake", b'{"required_behaviour":{"heartbeat_interval":2}}')
    await until(lambda: process.clock.sleepers == 1)
    process.pass_time(50)
    await sent(process, session, 1)
    for count in (2, 3, 4):
        process.pass_time(1_999)
        process.pass_time(1)
        await sent(process, session, count)


async def test_heartbeats_that_are_held_back_do_not_go_and_go_again(
    process: OscpProcess, session: str, partner: FakePartner
) -> None:
    await process.tend()
    await process.service.switch_heartbeats("r", session, SwitchHeartbeats(False), ALICE)
    await process.override(session, mode="ignore_handshake", until="2026-04-02T10:00:10Z")
    await online(process, session)
    process.pass_time(10 * SECOND)
    await until(lambda: not process.hosted(session).overrides.active)
    await process.receive("heartbeat", process.heartbeat(60 * SECOND))
    assert partner.paths() == [], "the timers have done what was due, and sent no heartbeat"
    await process.service.switch_heartbeats("r", session, SwitchHeartbeats(True), ALICE)
    await sent(process, session, 1)


async def test_a_slow_partner_gets_the_next_heartbeat_all_the_same(
    process: OscpProcess, session: str, partner: FakePartner
) -> None:
    await process.tend()
    partner.hold()
    await online(process, session)
    await until(lambda: len(partner.received) == 1)
    process.pass_time(5 * SECOND)
    await until(lambda: len(partner.received) == 2)
    partner.release()
    await sent(process, session, 2)


async def test_a_silent_partner_is_offline_when_its_last_heartbeat_said_so(process: OscpProcess, session: str) -> None:
    await process.tend()
    await online(process, session)
    assert await process.status("heartbeat", process.heartbeat(12 * SECOND)) == 204
    process.pass_time(12 * SECOND - 1)
    process.pass_time(1)
    await until(in_state(process, session, Lifecycle.OFFLINE))
    await until(lambda: any(isinstance(event, e.OscpSessionTimedOut) for event in process.events_of(session)))
    assert await process.status("heartbeat", process.heartbeat()) == 403


async def test_a_handshake_nobody_acknowledges_times_out(process: OscpProcess, session: str) -> None:
    await process.tend()
    await process.service.send_handshake("r", session, SendHandshake(), ALICE)
    process.pass_time(30 * SECOND)
    await until(in_state(process, session, Lifecycle.OFFLINE))


async def test_nothing_is_sent_to_a_partner_that_is_offline(
    process: OscpProcess, session: str, partner: FakePartner
) -> None:
    await process.tend()
    await online(process, session)
    await sent(process, session, 1)
    await process.service.force_state("r", session, ForceState(Lifecycle.OFFLINE), ALICE)
    for _ in range(3):
        process.pass_time(30 * SECOND)
        await process.receive("heartbeat", process.heartbeat())
    assert partner.paths() == ["heartbeat"]


async def test_a_plan_is_carried_out_at_the_next_quarter_of_an_hour_and_then_moves_on(
    process: OscpProcess, session: str, partner: FakePartner
) -> None:
    await process.tend()
    asked = PlanForecast(SendForecast(pattern="500 for 1h"), every="15 min", times=2)
    await process.service.plan_forecast("r", session, asked, ALICE)
    await online(process, session)
    for count in (1, 2):
        await process.receive("heartbeat", process.heartbeat(3_600 * SECOND))
        process.pass_time(15 * MINUTE)
        await sent(process, session, count, "UpdateGroupCapacityForecast")
    await until(lambda: len(partner.bodies("update_group_capacity_forecast")) == 2)
    first, second = partner.bodies("update_group_capacity_forecast")
    starts = [body["forecasted_blocks"][0]["start_time"] for body in (first, second)]
    assert starts == ["2026-04-02T10:15:00.000Z", "2026-04-02T10:30:00.000Z"]
    assert process.session(session).state.plans == {}


async def test_an_override_ends_when_its_time_has_come(process: OscpProcess, session: str) -> None:
    await process.tend()
    await process.override(session, mode="ignore_handshake", until="2026-04-02T10:00:10Z")
    process.pass_time(10 * SECOND)
    await until(lambda: not process.hosted(session).overrides.active)


async def test_an_expectation_is_missed_when_its_deadline_has_come(process: OscpProcess, session: str) -> None:
    await process.tend()
    asked = {"messages": [{"message_types": ["Heartbeat"]}], "within_ms": 10_000}
    raised = await process.scenarios.raise_expectation("r", session, asked, ALICE)
    waiting = asyncio.create_task(
        process.scenarios.expectation("r", session, raised.expectation_id, wait_seconds=round(patient(60)))
    )
    process.pass_time(10 * SECOND)
    assert (await waiting).verdict.value == "missed"


# On the run's clock


async def test_a_session_on_a_runs_clock_lives_by_its_ticks(
    process: OscpProcess, partner: FakePartner, clock: WallClock
) -> None:
    await process.start()
    session = await process.attach(clock=None)
    assert process.session(session).attached.clock is SessionClock.RUN
    await process.tend()
    await process.receive("handshake", b'{"required_behaviour":{"heartbeat_interval":600}}')
    await until(lambda: clock.sleepers == 1)
    clock.advance(50_000)
    await sent(process, session, 1)
    asked = process.session(session).attached
    await process.receive("heartbeat", _far(process, session, 3_600 * SECOND))

    before = asyncio.all_tasks()
    process.pass_time(3_600 * SECOND)
    await all_done(before)
    assert partner.paths().count("heartbeat") == 1, "wall time does not count"
    assert asked.clock is SessionClock.RUN

    await process.runs.tick("r", 10, ALICE)
    await sent(process, session, 2)
    await process.runs.tick("r", 50, ALICE)
    await until(in_state(process, session, Lifecycle.OFFLINE))


def _far(process: OscpProcess, session: str, ms: int) -> bytes:

    moment = process.time.moment_if_held(process.session(session).attached)
    assert moment is not None
    return b'{"offline_mode_at":"%b"}' % format_instant(moment.target + ms).encode()


async def test_a_session_on_the_clock_of_a_run_in_real_time_follows_its_ticks(
    process: OscpProcess, clock: WallClock
) -> None:
    await process.start(clock=ClockRequest(ClockMode.REALTIME, "60"), tick=Duration(MINUTE))
    session = await process.attach(clock=SessionClock.RUN)
    await process.tend()
    asked = {"messages": [{"message_types": ["Heartbeat"]}], "within_ms": 2 * MINUTE}
    raised = await process.scenarios.raise_expectation("r", session, asked, ALICE)

    def verdict() -> str:
        standing = process.hosted(session).expectations.find(raised.expectation_id)
        assert standing is not None
        return standing.verdict.value

    for ticks in (1, 2):
        assert verdict() == "waiting"
        await until(lambda: clock.sleepers)
        clock.advance(1_000_000)
        await until(lambda ticks=ticks: process.topics().count("run.ticked.1") == ticks)  # type: ignore[misc]
    await until(lambda: verdict() == "missed")


# Failures


async def test_a_store_that_fails_once_does_not_stop_the_heartbeats(
    process: OscpProcess, session: str, partner: FakePartner, clock: WallClock
) -> None:
    await process.tend()
    await online(process, session)
    await sent(process, session, 1)
    process.journal.outcomes = [StoreError("the disk is full")]
    process.pass_time(5 * SECOND)
    await until(lambda: not process.journal.outcomes and clock.sleepers)
    clock.advance(1_000_000)
    await sent(process, session, 2)


async def test_a_store_that_fails_over_a_time_out_is_asked_again(process: OscpProcess, session: str) -> None:
    await process.tend()
    await process.service.send_handshake("r", session, SendHandshake(), ALICE)
    process.journal.outcomes = [StoreError("the disk is full")]
    process.pass_time(30 * SECOND)
    await until(lambda: not process.journal.outcomes)
    process.clock.advance(1_000_000)
    await until(lambda: _timed_out(process, session))


def _timed_out(process: OscpProcess, session: str) -> bool:
    stream = f"oscp-r-{process.sessions.directory.aggregate.state.known[session].remote_configuration_id}"
    return any(row.topic == e.OscpSessionTimedOut.TOPIC for row in process.store.log.read_stream(stream))


async def test_a_session_that_cannot_be_recovered_at_first_is_recovered_later_with_the_others(
    processes: Start, store: Any, clock: WallClock
) -> None:
    here = processes("here")
    await here.start()
    session = await here.attach()
    other = await here.attach(remote_configuration_id="other")
    for one in (session, other):
        await here.service.send_handshake("r", one, SendHandshake(), ALICE)
    here.forget()
    clock.advance(31_000_000)
    there = processes("there")
    await there.runs.tick("r", 1, ALICE)
    there.journal.outcomes = [StoreError("the disk is full")]
    there.run_in_background(there.session_timers.run())
    await until(lambda: not there.journal.outcomes)
    await until(lambda: not there.session_timers.serves("r"))
    clock.advance(1_000_000)
    await until(lambda: _timed_out(there, session) and _timed_out(there, other))


# Restarts and takeovers


async def test_after_a_restart_what_was_under_way_is_indeterminate_and_heartbeats_go_on(
    processes: Start, partner: FakePartner, clock: WallClock
) -> None:
    here = processes("here")
    await here.start()
    session = await here.attach()
    await online(here, session)
    partner.hold()
    here.run_in_background(here.service.send_heartbeat("r", session, SendHeartbeat(), ALICE))
    await until(lambda: partner.received)
    here.forget()
    partner._held = None

    there = processes("there")
    await there.runs.tick("r", 1, ALICE)
    await there.tend()
    await until(lambda: there.outcomes(session, "Heartbeat") == ["indeterminate"])
    finalised = there.entries(session)[0].state.finalised
    assert finalised is not None
    assert "stopped" in finalised.error
    assert there.state(session) is Lifecycle.ONLINE
    there.pass_time(5 * SECOND)
    await until(lambda: there.outcomes(session, "Heartbeat") == ["indeterminate", "accepted"])


async def test_a_restart_in_the_middle_of_a_handshake_acknowledges_it(
    processes: Start, partner: FakePartner, clock: WallClock
) -> None:
    here = processes("here")
    await here.start()
    session = await here.attach()
    await here.receive("handshake", HANDSHAKE, id="h-1")
    here.forget()
    there = processes("there")
    await there.runs.tick("r", 1, ALICE)
    await there.tend()
    await until(lambda: clock.sleepers == 1)
    clock.advance(50_000)
    await until(lambda: there.state(session) is Lifecycle.ONLINE)
    assert partner.headers(0)["X-Correlation-ID"] == "h-1"


async def test_a_session_whose_partner_was_silent_over_the_restart_is_offline_afterwards(
    processes: Start, clock: WallClock
) -> None:
    here = processes("here")
    await here.start()
    session = await here.attach()
    await online(here, session)
    here.forget()
    clock.advance(16_000_000)
    there = processes("there")
    await there.runs.tick("r", 1, ALICE)
    await there.tend()
    await until(lambda: there.state(session) is Lifecycle.OFFLINE)


async def test_only_the_holder_of_the_run_sends_heartbeats(
    processes: Start, partner: FakePartner, clock: WallClock
) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    session = await here.attach()
    await here.tend()
    there.run_in_background(there.session_timers.run())
    await online(here, session)
    assert await there.status("heartbeat", there.heartbeat()) == 204
    await sent(here, session, 1)
    for process in (here, there):
        process.pass_time(0)
    here.pass_time(5 * SECOND)
    there.pass_time(0)
    await until(lambda: partner.paths().count("heartbeat") == 2)


async def test_a_handshake_that_came_to_another_process_is_acknowledged_by_the_holder(
    processes: Start, partner: FakePartner, clock: WallClock
) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    session = await here.attach()
    await here.tend()
    following = ChannelFollower(OwnWrites(here.journal, here.store.log), here.sessions, clock, "oscp-")
    assert await there.status("handshake", HANDSHAKE, id="h-1") == 204
    await following.look()
    await until(lambda: clock.sleepers == 1)
    here.pass_time(50)
    await until(lambda: here.state(session) is Lifecycle.ONLINE)
    assert partner.headers(0)["X-Correlation-ID"] == "h-1"


# The end


async def test_a_run_that_stops_ends_its_sessions_and_frees_their_configurations(
    process: OscpProcess, session: str
) -> None:
    await process.tend()
    await online(process, session)
    await process.override(session, mode="ignore_heartbeats")
    process.sessions.forget(session)
    await process.runs.stop("r", ALICE)
    await until(lambda: any(isinstance(event, e.OscpProviderSessionDetached) for event in _log_of(process, session)))
    assert await process.status("heartbeat", process.heartbeat()) == 403
    await process.start("r2")
    await process.attach("r2")
    assert await process.status("handshake", HANDSHAKE) == 204


def _log_of(process: OscpProcess, session: str) -> list[Any]:
    return [row.decoded().event for row in process.store.log.read_all() if row.stream.startswith("oscp-r-")]


async def test_what_a_partner_does_provokes_a_handshake_that_crosses_its_own(
    process: OscpProcess, session: str, partner: FakePartner
) -> None:
    await process.tend()
    await process.override(session, mode="simultaneous_handshakes")
    (provoking,) = process.hosted(session).overrides.active
    assert await process.status("handshake", HANDSHAKE) == 204
    await until(lambda: partner.paths() == ["handshake"])
    theirs, ours = [entry.state.recorded for entry in process.entries(session)]
    assert theirs is not None
    assert ours is not None
    assert (theirs.overrides, theirs.matched) == ((), (provoking,)), "it went its usual way"
    assert ours.overrides == (provoking,)
    await until(in_state(process, session, Lifecycle.AWAITING_HANDSHAKE_ACKNOWLEDGE))
    partner.answers = [HttpResult(204)]
    id = partner.headers()["X-Request-ID"]
    assert await process.status("handshake_acknowledge", HANDSHAKE, correlation=id) == 204
    assert process.state(session) is Lifecycle.ONLINE


async def test_a_run_that_goes_on_after_the_stop_sends_nothing(process: OscpProcess) -> None:
    await process.start(tick=Duration(1_000))
    session = await process.attach(clock=SessionClock.RUN)
    timers = process.run_in_background(process.session_timers.run())
    await until(lambda: process.session_timers.serves("r"))
    await process.connect(session)
    process.timers.close()
    timers.cancel()
    await asyncio.gather(timers, return_exceptions=True)
    before = asyncio.all_tasks()
    await process.runs.tick("r", 5, ALICE)  # the next heartbeat is due
    await all_done(before)
    assert process.outcomes(session) == ["accepted"] * 3
    assert process.partner.paths() == ["handshake_acknowledge", "heartbeat"]


async def test_a_message_that_was_opened_is_sent_although_its_session_cannot_be_read_then(
    process: OscpProcess, session: str, partner: FakePartner, monkeypatch: pytest.MonkeyPatch
) -> None:
    await process.tend()
    await process.connect(session)
    load, open_message, failures = process.sessions.load, process.outbound.open, [1]
    heartbeats = partner.paths().count("heartbeat")

    async def open_and_forget(*arguments: Any) -> OutboundMessage | None:
        message = await open_message(*arguments)
        process.sessions.forget(session)
        return message

    async def load_later(key: str) -> HostedSession:
        if failures and failures.pop():
            raise StoreError("the read failed")
        return await load(key)

    monkeypatch.setattr(process.outbound, "open", open_and_forget)
    monkeypatch.setattr(process.sessions, "load", load_later)
    partner.hold()
    process.pass_time(5 * SECOND)
    await until(lambda: not failures and partner.paths().count("heartbeat") > heartbeats)
    partner.release()
    await until(lambda: not process.outbound.in_flight)
    assert "" not in process.outcomes(session)
