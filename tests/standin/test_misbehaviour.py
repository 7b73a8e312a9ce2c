"""Faults on request, each as the capacity provider sees it."""

from __future__ import annotations

import asyncio

import aiohttp
import msgspec
import pytest

from depot_sim.standin.misbehaviour import Direction, Misbehaviour, MisbehaviourOrder, Rule
from depot_sim.standin.wire import Message
from tests.standin.stage import Stage, now, on_stage


async def tell(stage: Stage, **rule: object) -> None:
    await stage.control("/misbehaviour", {"rules": [rule]}, method="PUT")


@on_stage()
async def test_an_ignored_message_has_no_answer_and_no_effect(stage: Stage) -> None:
    await tell(stage, direction="inbound", message="handshake", action="ignore")
    waiting = asyncio.create_task(stage.handshake())
    await stage.wait(message="handshake", direction="inbound")
    [entry] = (await stage.control("/messages", method="GET"))["messages"]
    assert (entry["status"], entry["misbehaviour"], entry["error"]) == (None, "ignore", "ignored as told")
    assert (await stage.state())["lifecycle"] == "CONFIGURED"
    assert not waiting.done()
    waiting.cancel()


@on_stage()
async def test_a_message_can_be_answered_with_any_status_so_many_times(stage: Stage) -> None:
    await stage.go_online()
    await tell(stage, direction="inbound", message="heartbeat", action="status", status=503, times=2)
    assert [(await stage.heartbeat()).status for _ in range(3)] == [503, 503, 204]


@on_stage()
async def test_an_answer_can_be_delayed(stage: Stage) -> None:
    await stage.go_online()
    await tell(stage, direction="inbound", message="heartbeat", action="delay", seconds=0.2)
    before = now()
    assert (await stage.heartbeat()).status == 204
    assert (now() - before).total_seconds() >= 0.2


@on_stage()
async def test_a_dropped_message_never_arrives(stage: Stage) -> None:
    await tell(stage, direction="outbound", message="handshake_acknowledge", action="drop")
    assert (await stage.handshake()).status == 204
    state = await stage.wait(lifecycle="OFFLINE")
    assert state["last_error"]["text"] == "our acknowledgement failed: dropped"
    assert stage.cp.received == []


@on_stage()
async def test_a_duplicated_message_arrives_twice_as_the_same(stage: Stage) -> None:
    await stage.go_online()
    await tell(stage, direction="outbound", message="heartbeat", action="duplicate", times=1)
    await stage.control("/heartbeat")
    first, second = stage.cp.all("heartbeat")
    assert first.headers["x-request-id"] == second.headers["x-request-id"]


@on_stage()
async def test_in_an_outage_the_connection_is_closed_without_an_answer(stage: Stage) -> None:
    await stage.go_online()
    await stage.control("/misbehaviour", {"outage": True}, method="PUT")
    with pytest.raises(aiohttp.ClientConnectionError):
        await stage.heartbeat()
    await stage.control("/misbehaviour", method="DELETE")
    assert (await stage.heartbeat()).status == 204


@pytest.mark.parametrize(
    "rule",
    [
        {"direction": "outbound", "message": "heartbeat", "action": "ignore"},
        {"direction": "inbound", "message": "heartbeat", "action": "drop"},
        {"direction": "inbound", "message": "heartbeat", "action": "status"},
        {"direction": "inbound", "message": "heartbeat", "action": "ignore", "seconds": 1},
    ],
)
def test_a_fault_that_cannot_be_is_not_taken(rule: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(rule, type=Rule)


def test_the_first_rule_that_still_counts_is_used() -> None:
    spent = {"direction": "inbound", "message": "heartbeat", "action": "status", "status": 500, "times": 1}
    rules = msgspec.convert([spent, {**spent, "status": 502, "times": None}], type=list[Rule])
    misbehaviour = Misbehaviour()
    misbehaviour.obey(MisbehaviourOrder(rules))
    used = [misbehaviour.take(Direction.INBOUND, Message.HEARTBEAT) for _ in range(3)]
    assert [rule and rule.status for rule in used] == [500, 502, 502]
    assert misbehaviour.take(Direction.OUTBOUND, Message.HEARTBEAT) is None
