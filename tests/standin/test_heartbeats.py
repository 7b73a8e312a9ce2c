"""Liveness over the wire: two independent rates, expiry, refusals, outages."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.standin.stage import CONFIGURATION, Stage, now, on_stage


@on_stage()
async def test_the_first_heartbeat_received_makes_the_connection_online(stage: Stage) -> None:
    await stage.handshake()
    await stage.wait(lifecycle="HANDSHAKEN")
    assert (await stage.heartbeat()).status == 204
    assert (await stage.state())["lifecycle"] == "ONLINE"


@on_stage()
async def test_heartbeats_are_sent_as_often_as_the_capacity_provider_asked(stage: Stage) -> None:
    await stage.go_online(interval=0.05)
    heartbeat = await stage.cp.receives("heartbeat", count=4)
    offline_at = heartbeat.body["offline_mode_at"]
    assert len(offline_at) == len("2026-04-02T10:15:00.000Z")
    assert datetime.fromisoformat(offline_at) < now() + timedelta(seconds=0.15)


@on_stage()
async def test_no_heartbeats_are_sent_to_who_asked_for_none(stage: Stage) -> None:
    await stage.go_online(interval=None)
    assert (await stage.state())["send_heartbeats_every"] is None
    assert (await stage.control("/heartbeat"))["status"] == 204, "but one may be ordered"
    assert len(stage.cp.all("heartbeat")) == 1


@on_stage()
async def test_the_connection_is_offline_when_the_peers_own_time_is_up(stage: Stage) -> None:
    await stage.go_online(good_for=0.3)
    state = await stage.wait(lifecycle="OFFLINE")
    assert (await stage.heartbeat()).status == 403
    assert (await stage.state())["lifecycle"] == "OFFLINE", "only a handshake leads out"
    assert datetime.fromisoformat(state["offline_at"]) <= now()


@on_stage(heartbeat_interval=0.1)
async def test_without_a_first_heartbeat_the_connection_is_offline_after_three_intervals(stage: Stage) -> None:
    await stage.handshake()
    await stage.wait(lifecycle="HANDSHAKEN")
    await stage.wait(lifecycle="OFFLINE")


@on_stage()
async def test_a_heartbeat_before_any_handshake_is_refused(stage: Stage) -> None:
    assert (await stage.heartbeat()).status == 403
    assert (await stage.state())["lifecycle"] == "CONFIGURED"


@on_stage()
async def test_a_heartbeat_of_ours_refused_with_403_ends_the_connection(stage: Stage) -> None:
    stage.cp.answers["heartbeat"] = 403
    await stage.go_online(interval=0.05)
    state = await stage.wait(lifecycle="OFFLINE")
    assert state["last_error"]["text"] == "the capacity provider refused our heartbeat with 403"


@on_stage()
async def test_a_network_outage_that_ends_in_time_leaves_the_connection_online(stage: Stage) -> None:
    await stage.go_online()
    await stage.control("/misbehaviour", {"outage": True}, method="PUT")
    assert (await stage.control("/heartbeat"))["error"] == "network outage"
    await stage.control("/misbehaviour", method="DELETE")
    assert (await stage.control("/heartbeat"))["status"] == 204
    state = await stage.state()
    assert state["lifecycle"] == "ONLINE"
    assert state["last_error"]["cleared_at"], "the failure is seen, and that it is over"


@on_stage()
async def test_a_new_handshake_leads_back_online_and_keeps_the_history(stage: Stage) -> None:
    await stage.go_online(good_for=0.2)
    await stage.wait(lifecycle="OFFLINE")
    await stage.post("handshake", {})
    await stage.wait(lifecycle="HANDSHAKEN")
    await stage.heartbeat()
    state = await stage.state()
    events = [entry["event"] for entry in state["audit"]]
    assert state["lifecycle"] == "ONLINE"
    assert events.count("online") == 2
    assert events.count("offline") == 1


@on_stage()
async def test_heartbeats_can_be_stopped(stage: Stage) -> None:
    await stage.go_online(interval=0.05)
    await stage.cp.receives("heartbeat")
    await stage.control("/heartbeats", {"enabled": False})
    sent = len((await stage.control("/messages", method="GET"))["messages"])
    answer = await stage.refused("/wait?message=heartbeat&direction=outbound&count=1000&timeout=0.2", method="GET")
    assert answer.status == 408
    assert len((await stage.control("/messages", method="GET"))["messages"]) == sent


@on_stage()
async def test_bodies_that_are_no_heartbeat_are_malformed(stage: Stage) -> None:
    await stage.go_online()
    times = ["soon", "2026-04-02T10:15:00", "9999-12-31T23:59:59-14:00", 5, None]
    answers = [await stage.post("heartbeat", {"offline_mode_at": time}) for time in times]
    assert [answer.status for answer in answers] == [422] * len(times)
    headers = {"X-OSCP-Configuration-ID": CONFIGURATION, "X-Request-ID": "raw"}
    for body in (b"", b"{", b"\xff", b'{"x":' + b"[" * 100_000, b"[]"):
        async with stage.session.post(f"{stage.url}/oscp/fp/2.0/heartbeat", data=body, headers=headers) as answer:
            assert answer.status == 422
    assert (await stage.state())["lifecycle"] == "ONLINE"
