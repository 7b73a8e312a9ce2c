"""What an operator or a test asks of a session."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from depot_sim.application.http import HttpResult
from depot_sim.application.oscp.requests import (
    Disconnect,
    ForceState,
    PlanForecast,
    SendForecast,
    SendForecastSet,
    SendHandshake,
    SendHeartbeat,
    SendMessage,
    SwitchHeartbeats,
)
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.credentials import Credentials, SecretReference
from depot_sim.domain.kernel.errors import (
    CommandRefused,
    Conflict,
    InvalidInput,
    NotFound,
    RunHeldElsewhere,
    StoreError,
)
from depot_sim.domain.oscp.events import Policy
from depot_sim.domain.oscp.vocabulary import ForecastType, Lifecycle, MessageType, SessionClock, Validation
from tests.application.oscp.conftest import Start
from tests.application.oscp.processes import CONFIGURATION, HANDSHAKE, FakePartner, OscpProcess
from tests.application.run.processes import ALICE, until
from tests.domain.configuration.samples import depot

pytestmark = pytest.mark.anyio

TOKEN = Credentials(inbound=SecretReference("env:DEPOT_SIM_SECRET_TOKEN"))


async def faults(process: OscpProcess, **changes: Any) -> dict[str, str]:
    """What a request for a session is refused for, by pointer."""
    with pytest.raises(InvalidInput) as refused:
        await process.attach(**changes)
    return {fault.pointer: fault.expected for fault in refused.value.faults}


# Created


async def test_a_session_begins_offline_with_what_its_scope_is_bound_to(process: OscpProcess) -> None:
    await process.start()
    session = await process.attach(clock=None)
    view = await process.service.get("r", session)
    assert (view.state, view.detached, view.group_id) == (Lifecycle.OFFLINE, False, "g")
    assert (view.clock, view.partner_profile, view.scenario_preset) == (SessionClock.RUN, "betterfleet-vector", "calm")
    assert [one.session_id for one in await process.service.list_sessions("r")] == [session]


async def test_what_the_request_says_goes_before_the_binding(process: OscpProcess) -> None:
    await process.start()
    session = await process.attach(group_id="mine", scenario_preset="connected_baseline", asset_id="depot")
    view = await process.service.get("r", session)
    assert (view.group_id, view.scenario_preset, view.asset_id) == ("mine", "connected_baseline", "depot")


async def test_one_run_has_one_session_per_configuration_and_as_many_configurations_as_it_likes(
    process: OscpProcess, session: str
) -> None:
    with pytest.raises(Conflict):
        await process.attach()
    other = await process.attach(remote_configuration_id="another")
    assert {one.session_id for one in await process.service.list_sessions("r")} == {session, other}


async def test_a_configuration_belongs_to_one_run_at_a_time(process: OscpProcess, session: str) -> None:
    await process.start("r2")
    with pytest.raises(Conflict, match="in use by run r"):
        await process.attach("r2")
    await process.service.delete("r", session, ALICE)
    assert await process.attach("r2") != session


async def test_the_same_session_asked_for_twice_at_once_is_created_once(process: OscpProcess) -> None:
    await process.start()
    results = await asyncio.gather(*(process.attach() for _ in range(5)), return_exceptions=True)
    assert sum(isinstance(result, str) for result in results) == 1
    assert sum(isinstance(result, Conflict) for result in results) == 4


async def test_every_fault_of_a_request_is_told_at_once(process: OscpProcess) -> None:
    await process.start()
    told = await faults(
        process,
        managed_scope_id="nowhere",
        betterfleet_base_url="ftp://x",
        remote_configuration_id="",
        group_id="two words",
        scenario_preset="clam",
        partner_profile="betterfleet",
        policy=Policy(handshake_timeout_ms=0, unreachable=Lifecycle.ACCEPTING_HANDSHAKE, stale=Validation.ACCEPTED),
    )
    assert set(told) == {
        "/managed_scope_id",
        "/betterfleet_base_url",
        "/remote_configuration_id",
        "/group_id",
        "/scenario_preset",
        "/partner_profile",
        "/policy/handshake_timeout_ms",
        "/policy/unreachable",
        "/policy/stale",
    }
    assert "site" in told["/managed_scope_id"]
    assert "calm" in told["/scenario_preset"]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"heartbeat_factor": 0}, "/profile_changes/heartbeat_factor"),
        ({"statuses": {"schema": 42}}, "/profile_changes/statuses/schema"),
        ({"no_such_field": 1}, "/profile_changes"),
        ({"timestamps": "sundial"}, "/profile_changes"),
    ],
)
async def test_a_profile_that_cannot_be_is_refused(process: OscpProcess, changes: dict[str, Any], pointer: str) -> None:
    await process.start()
    assert set(await faults(process, profile_changes=changes)) == {pointer}


@pytest.mark.parametrize("interval_ms", [-5, 0, 1])
async def test_heartbeats_as_fast_as_can_be_are_refused(process: OscpProcess, interval_ms: int) -> None:
    await process.start()
    policy = Policy(heartbeat_interval_ms=interval_ms)
    assert set(await faults(process, policy=policy)) == {"/policy/heartbeat_interval_ms"}


async def test_a_session_is_found_by_its_token(process: OscpProcess) -> None:
    await process.start()
    process.secrets.secrets["env:DEPOT_SIM_SECRET_TOKEN"] = "s3cr3t"
    await process.attach(partner_profile="oca-2.0", credentials=TOKEN, own_base_url="http://cp.example/oscp")
    headers = (("authorization", "Token s3cr3t"), ("content-type", "application/json"))
    assert await process.status("handshake", HANDSHAKE, configuration="", headers=headers) == 204
    wrong = (("authorization", "Token another"), ("content-type", "application/json"))
    assert await process.status("handshake", HANDSHAKE, configuration="", headers=wrong) == 403


async def test_the_overrides_of_the_preset_hold_from_the_first_message_on(process: OscpProcess) -> None:
    preset = {"id": "rough", "settings": {"overrides": ["reject_handshake_with_403"]}}
    await process.start(definition=Definition.of(depot(("/scenario_presets/-", preset))))
    await process.attach(scenario_preset="rough")
    assert await process.status("handshake", HANDSHAKE) == 403


async def test_a_refused_request_leaves_no_trace_not_even_on_a_session_that_ended(
    process: OscpProcess, session: str
) -> None:
    await process.service.delete("r", session, ALICE)
    await process.start("r2")
    await process.attach("r2")
    head = process.store.log.head()
    with pytest.raises(Conflict):
        await process.attach()
    await process.service.list_sessions("r")
    assert process.store.log.head() == head
    assert (await process.service.get("r", session)).detached
    with pytest.raises(CommandRefused, match="ended"):
        await process.service.force_state("r", session, ForceState(Lifecycle.ONLINE), ALICE)
    assert process.store.log.head() == head


async def test_a_session_that_cannot_be_saved_can_be_created_again(process: OscpProcess) -> None:
    await process.start()
    process.journal.outcomes = [StoreError("the disk is full")]
    with pytest.raises(StoreError):
        await process.attach()
    await process.attach()
    assert await process.status("handshake", HANDSHAKE) == 204


async def test_only_the_holder_of_a_run_creates_its_sessions(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    with pytest.raises(RunHeldElsewhere):
        await there.attach()


async def test_a_run_that_stopped_takes_no_session(process: OscpProcess) -> None:
    await process.start()
    await process.runs.stop("r", ALICE)
    with pytest.raises(CommandRefused, match="stopped"):
        await process.attach()


# Ended


async def test_a_session_that_was_deleted_takes_nothing_and_its_history_stays(
    process: OscpProcess, session: str
) -> None:
    await process.receive("handshake", HANDSHAKE)
    await process.service.delete("r", session, ALICE)
    assert await process.status("handshake", HANDSHAKE) == 403
    assert await process.service.list_sessions("r") == []
    view = await process.service.get("r", session)
    assert (view.state, view.detached) == (Lifecycle.OFFLINE, True)
    assert process.outcomes(session) == ["accepted"]


@pytest.mark.parametrize(
    "command",
    [
        lambda service, id: service.force_state("r", id, ForceState(Lifecycle.ONLINE), ALICE),
        lambda service, id: service.disconnect("r", id, Disconnect(), ALICE),
        lambda service, id: service.switch_heartbeats("r", id, SwitchHeartbeats(False), ALICE),
        lambda service, id: service.send_handshake("r", id, SendHandshake(), ALICE),
        lambda service, id: service.send_message("r", id, SendMessage(MessageType.HEARTBEAT), ALICE),
        lambda service, id: service.plan_forecast("r", id, PlanForecast(SendForecast(pattern="5 for 1h")), ALICE),
        lambda service, id: service.delete("r", id, ALICE),
    ],
)
async def test_nothing_can_be_asked_of_a_session_that_has_ended(
    process: OscpProcess, session: str, partner: FakePartner, command: Any
) -> None:
    await process.service.delete("r", session, ALICE)
    with pytest.raises(CommandRefused, match="ended"):
        await command(process.service, session)
    assert partner.received == []


async def test_a_session_created_again_begins_without_the_overrides_and_plans_of_the_one_before(
    process: OscpProcess, session: str
) -> None:
    await process.override(session, mode="reject_handshake_with_403")
    await process.service.plan_forecast("r", session, PlanForecast(SendForecast(pattern="5 for 1h")), ALICE)
    await process.service.delete("r", session, ALICE)
    assert await process.attach() == session
    assert await process.status("handshake", HANDSHAKE) == 204
    assert (await process.service.get("r", session)).plans == ()


async def test_a_session_can_be_deleted_after_its_run_has_stopped(process: OscpProcess, session: str) -> None:
    """As after a crash between the two: the timers would have ended it."""
    await process.runs.stop("r", ALICE)
    await process.service.delete("r", session, ALICE)
    await process.start("r2")
    await process.attach("r2")


async def test_deleting_while_another_process_takes_a_message_ends_the_session(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    session = await here.attach()
    assert await there.status("handshake", HANDSHAKE) == 204
    await here.service.delete("r", session, ALICE)
    assert (await here.service.get("r", session)).detached


async def test_a_process_that_does_not_know_of_the_end_yet_takes_nothing_for_the_session(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    session = await here.attach()
    assert await there.status("handshake", b"{") == 422
    await here.service.delete("r", session, ALICE)
    assert await there.status("handshake", HANDSHAKE) == 403
    assert await there.status("handshake", HANDSHAKE) == 403


async def test_a_configuration_that_moved_to_another_run_is_found_there_by_every_process(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    session = await here.attach()
    assert await there.status("handshake", b"{") == 422
    await here.service.delete("r", session, ALICE)
    await here.start("r2")
    moved = await here.attach("r2")
    await there.status("handshake", b"{}")
    assert await there.status("handshake", HANDSHAKE) == 204
    assert await there.status("heartbeat", there.heartbeat()) == 403
    assert there.state(moved) is Lifecycle.ACCEPTING_HANDSHAKE


async def test_a_stranger_is_not_found(process: OscpProcess, session: str) -> None:
    await process.start("r2")
    for run_id, id in (("r", "nobody"), ("r2", session)):
        with pytest.raises(NotFound):
            await process.service.get(run_id, id)
    with pytest.raises(NotFound):
        await process.service.list_sessions("nowhere")


# Asked


async def test_a_forced_state_is_shown_at_once(process: OscpProcess, session: str) -> None:
    view = await process.service.force_state("r", session, ForceState(Lifecycle.DEGRADED, "why not"), ALICE)
    assert view.state is Lifecycle.DEGRADED
    view = await process.service.disconnect("r", session, Disconnect("handover"), ALICE)
    assert (view.state, view.peer_offline_at) == (Lifecycle.OFFLINE, None)


@pytest.mark.parametrize("seconds", [0, -1, 86_401])
async def test_a_handshake_asks_for_an_interval_that_can_be(process: OscpProcess, session: str, seconds: int) -> None:
    with pytest.raises(InvalidInput):
        await process.service.send_handshake("r", session, SendHandshake(seconds), ALICE)


async def test_a_handshake_asks_for_what_was_asked(process: OscpProcess, session: str, partner: FakePartner) -> None:
    sent = await process.service.send_handshake("r", session, SendHandshake(7), ALICE)
    assert sent.state is Lifecycle.AWAITING_HANDSHAKE_ACKNOWLEDGE
    assert partner.bodies("handshake")[0]["required_behaviour"]["heartbeat_interval"] == 7
    with pytest.raises(CommandRefused):
        await process.service.send_handshake("r", session, SendHandshake(7), ALICE)


async def test_a_handshake_that_is_refused_says_so_and_leaves_the_session_offline(
    process: OscpProcess, session: str, partner: FakePartner
) -> None:
    partner.answers = [HttpResult(403)]
    sent = await process.service.send_handshake("r", session, SendHandshake(), ALICE)
    assert (sent.state, sent.delivery_status) == (Lifecycle.OFFLINE, "rejected")


async def test_a_heartbeat_may_promise_whatever_is_wanted(
    process: OscpProcess, session: str, partner: FakePartner
) -> None:
    await process.service.force_state("r", session, ForceState(Lifecycle.ONLINE), ALICE)
    past = "2001-01-01T00:00:00Z"
    await process.service.send_heartbeat("r", session, SendHeartbeat(past), ALICE)
    assert partner.bodies("heartbeat") == [{"offline_mode_at": "2001-01-01T00:00:00.000Z"}]
    with pytest.raises(InvalidInput):
        await process.service.send_heartbeat("r", session, SendHeartbeat("soon"), ALICE)


async def test_a_forecast_set_is_sent_in_order_or_not_at_all(
    process: OscpProcess, session: str, partner: FakePartner
) -> None:
    await process.service.force_state("r", session, ForceState(Lifecycle.ONLINE), ALICE)
    primary = SendForecast(pattern="500 for 1h")
    fallback = SendForecast(ForecastType.FALLBACK_CONSUMPTION, pattern="50 for 1h")
    broken = SendForecast(pattern="lots")
    with pytest.raises(InvalidInput) as refused:
        await process.service.send_forecast_set("r", session, SendForecastSet((primary, broken)), ALICE)
    assert refused.value.faults[0].pointer.startswith("/forecasts/1")
    assert partner.received == []
    with pytest.raises(InvalidInput):
        await process.service.send_forecast_set("r", session, SendForecastSet(()), ALICE)

    sent = await process.service.send_forecast_set("r", session, SendForecastSet((primary, fallback)), ALICE)
    assert [one.delivery_status for one in sent] == ["accepted", "accepted"]
    types = [body["type"] for body in partner.bodies("update_group_capacity_forecast")]
    assert types == ["CONSUMPTION", "FALLBACK_CONSUMPTION"]
    forecasts = (await process.service.get("r", session)).forecasts
    assert [one.type for one in forecasts] == [ForecastType.CONSUMPTION, ForecastType.FALLBACK_CONSUMPTION]


async def test_a_plan_can_be_called_off(process: OscpProcess, session: str) -> None:
    plan = await process.service.plan_forecast("r", session, PlanForecast(SendForecast(pattern="5 for 1h")), ALICE)
    assert (await process.service.get("r", session)).plans == (plan,)
    await process.service.end_plan("r", session, plan.plan_id, ALICE)
    assert (await process.service.get("r", session)).plans == ()
    with pytest.raises(NotFound):
        await process.service.end_plan("r", session, plan.plan_id, ALICE)


async def test_a_message_has_one_body_of_bounded_size(process: OscpProcess, session: str) -> None:
    for asked in (
        SendMessage(MessageType.HEARTBEAT, body={}, raw_body="{}"),
        SendMessage(MessageType.HEARTBEAT, raw_body="x" * (2**20 + 1)),
    ):
        with pytest.raises(InvalidInput):
            await process.service.send_message("r", session, asked, ALICE)


async def test_a_process_that_does_not_hold_the_run_shows_the_session_as_the_log_has_it(processes: Start) -> None:
    here, there = processes("here"), processes("there")
    await here.start()
    session = await here.attach()
    for state in (Lifecycle.ONLINE, Lifecycle.OFFLINE, Lifecycle.DEGRADED):
        await here.service.force_state("r", session, ForceState(state), ALICE)
        assert (await there.service.get("r", session)).state is state


async def test_two_commands_at_once_are_both_carried_out(process: OscpProcess, session: str) -> None:
    await asyncio.gather(
        process.service.force_state("r", session, ForceState(Lifecycle.ONLINE), ALICE),
        process.service.switch_heartbeats("r", session, SwitchHeartbeats(False), ALICE),
    )
    process.sessions.forget(session)
    view = await process.service.get("r", session)
    assert (view.state, view.sends_heartbeats) == (Lifecycle.ONLINE, False)
    await until(lambda: process.outcomes(session) == [])
    assert process.session(session).attached.remote_configuration_id == CONFIGURATION
