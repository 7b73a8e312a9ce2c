"""Handshakes over the wire, begun by either side, and everything that can go wrong with them."""

from __future__ import annotations

import asyncio

from tests.standin.stage import CONFIGURATION, Stage, behaviour, on_stage

ACKNOWLEDGE = "handshake_acknowledge"


@on_stage(heartbeat_interval=7)
async def test_a_handshake_of_the_capacity_provider_is_answered_then_acknowledged(stage: Stage) -> None:
    assert await stage.handshake(interval=30) == (204, "")

    acknowledge = await stage.cp.receives(ACKNOWLEDGE)
    assert acknowledge.headers["x-correlation-id"] == "cp-handshake"
    assert acknowledge.headers["x-oscp-configuration-id"] == CONFIGURATION
    assert acknowledge.body == {"required_behaviour": behaviour(7)}
    state = await stage.wait(lifecycle="HANDSHAKEN")
    assert (state["send_heartbeats_every"], state["receive_heartbeats_every"]) == (30, 7)


@on_stage()
async def test_a_handshake_of_ours_stands_with_its_acknowledgement(stage: Stage) -> None:
    delivery = await stage.control("/handshake")
    assert delivery["status"] == 204
    assert (await stage.state())["lifecycle"] == "AWAITING_ACKNOWLEDGE"

    body = {"required_behaviour": behaviour(30)}
    assert (await stage.post(ACKNOWLEDGE, body, X_Correlation_ID=delivery["request_id"])).status == 204
    assert (await stage.state())["lifecycle"] == "HANDSHAKEN"


@on_stage(handshake_timeout=0.3)
async def test_without_an_acknowledgement_a_handshake_of_ours_times_out(stage: Stage) -> None:
    await stage.control("/handshake")
    state = await stage.wait(lifecycle="OFFLINE")
    assert state["last_error"]["text"] == "no acknowledgement within 0.3 s"


@on_stage(request_timeout=0.2)
async def test_a_handshake_of_ours_that_is_never_answered_leads_offline(stage: Stage) -> None:
    stage.cp.answers["handshake"] = None
    delivery = await stage.control("/handshake")
    assert delivery["error"] == "no answer within 0.2 s"
    assert (await stage.state())["lifecycle"] == "OFFLINE"


@on_stage()
async def test_a_handshake_of_ours_that_is_refused_does_not_proceed(stage: Stage) -> None:
    stage.cp.answers["handshake"] = 403
    await stage.control("/handshake")
    state = await stage.state()
    assert (state["lifecycle"], state["last_error"]["text"]) == ("OFFLINE", "handshake failed: answered 403")


@on_stage()
async def test_an_acknowledgement_of_another_handshake_is_refused(stage: Stage) -> None:
    await stage.control("/handshake")
    body = {"required_behaviour": behaviour(30)}
    assert (await stage.post(ACKNOWLEDGE, body, X_Correlation_ID="another")).status == 403
    assert (await stage.post(ACKNOWLEDGE, body)).status == 422, "without a correlation it answers nothing"
    assert (await stage.state())["lifecycle"] == "AWAITING_ACKNOWLEDGE"


@on_stage()
async def test_an_acknowledgement_nobody_waits_for_is_refused(stage: Stage) -> None:
    body = {"required_behaviour": behaviour(30)}
    assert (await stage.post(ACKNOWLEDGE, body, X_Correlation_ID="x")).status == 403
    assert (await stage.state())["lifecycle"] == "CONFIGURED"


@on_stage(request_timeout=0.2)
async def test_an_acknowledgement_of_ours_that_is_never_answered_leads_offline(stage: Stage) -> None:
    stage.cp.answers[ACKNOWLEDGE] = None
    assert (await stage.handshake()).status == 204
    state = await stage.wait(lifecycle="OFFLINE")
    assert state["last_error"]["text"] == "our acknowledgement failed: no answer within 0.2 s"
    assert "handshaken" not in [entry["event"] for entry in state["audit"]]


@on_stage()
async def test_what_arrives_while_our_acknowledgement_is_under_way_waits_for_what_comes_of_it(stage: Stage) -> None:
    acknowledged = stage.cp.hold(ACKNOWLEDGE)
    await stage.handshake()
    await stage.cp.receives(ACKNOWLEDGE)
    waiting = asyncio.create_task(stage.heartbeat())
    await stage.wait(message="heartbeat", direction="inbound")
    acknowledged.set_result(204)
    assert (await waiting).status == 204


@on_stage()
async def test_a_handshake_on_a_connection_that_stands_is_refused_and_ends_it(stage: Stage) -> None:
    await stage.go_online()
    assert (await stage.post("handshake", {"required_behaviour": behaviour(5)})).status == 403
    assert (await stage.state())["lifecycle"] == "OFFLINE"


@on_stage()
async def test_a_handshake_delivered_twice_has_its_effect_once(stage: Stage) -> None:
    await stage.go_online()
    assert (await stage.handshake()).status == 204, "the same request id, so the same answer"
    assert (await stage.state())["lifecycle"] == "ONLINE"
    assert len(stage.cp.all(ACKNOWLEDGE)) == 1


@on_stage()
async def test_both_sides_handshaking_at_once_are_told_no(stage: Stage) -> None:
    await stage.control("/handshake")
    assert (await stage.handshake()).status == 403
    assert (await stage.state())["lifecycle"] == "AWAITING_ACKNOWLEDGE"


@on_stage()
async def test_a_handshake_that_only_takes_running_totals_is_not_acceptable(stage: Stage) -> None:
    body = {"required_behaviour": {"measurement_configuration": ["CONTINUOUS"]}}
    assert (await stage.post("handshake", body)).status == 422
    state = await stage.state()
    assert state["lifecycle"] == "CONFIGURED"
    assert state["audit"][-1]["event"] == "handshake-rejected"


@on_stage()
async def test_a_handshake_that_cannot_be_sent_now_is_not_begun(stage: Stage) -> None:
    await stage.go_online()
    assert (await stage.refused("/handshake")).status == 409


@on_stage()
async def test_a_connection_the_operator_has_ended_meanwhile_stays_so(stage: Stage) -> None:
    acknowledged = stage.cp.hold(ACKNOWLEDGE)
    await stage.handshake()
    await stage.cp.receives(ACKNOWLEDGE)
    assert (await stage.refused("/handshake")).body["message"].endswith("is being acknowledged")
    await stage.control("/disconnect")
    acknowledged.set_result(204)
    assert (await stage.heartbeat()).status == 403, "the acknowledgement has been accepted by now"
    assert (await stage.state())["lifecycle"] == "CONFIGURED"
