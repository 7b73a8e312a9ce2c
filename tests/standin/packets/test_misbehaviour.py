"""Faults on request, each as whoever delivers packets sees it; and what the stand-in knows of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import msgspec
import pytest

from depot_sim.standin.packets.misbehaviour import Misbehaviour, MisbehaviourOrder, Rule
from depot_sim.standin.tokens import Gatekeeper
from tests.standin.packets.stage import Sender, kinds, measurement, packet, played
from tests.standin.stage import PATIENCE_SECONDS

SOC = measurement("SOC", 50, "%")


def numbered(seq: int) -> dict[str, object]:
    return packet(seq, seq, SOC, type="TELEMETRY" if seq else "BIRTH")


@asynccontextmanager
async def unanswered(sender: Sender) -> AsyncIterator[None]:
    """A post that has come and has no answer at the end of the block either."""
    waiting = asyncio.create_task(sender.post(numbered(0)))
    await sender.told("GET", f"packets/wait?count=1&timeout={PATIENCE_SECONDS}")
    yield
    assert not waiting.done()
    waiting.cancel()


async def verdicts(sender: Sender) -> list[tuple[str, int | None]]:
    """Oldest first."""
    return [(one["verdict"], one["status"]) for one in reversed(await sender.packets())]


@played()
async def test_a_post_can_be_answered_with_a_status_and_has_no_effect_then(sender: Sender) -> None:
    await sender.misbehave(action="status", status=503, times=2, retry_after="1")
    answers = [await sender.post(numbered(0)) for _ in range(3)]
    assert [answer.status for answer in answers] == [503, 503, 202]
    assert answers[0].body["Retry-After"] == "1"
    assert await verdicts(sender) == [("withheld", 503), ("withheld", 503), ("applied", 202)]


@played()
async def test_a_post_can_be_taken_and_its_answer_spoilt_so_that_it_comes_again(sender: Sender) -> None:
    await sender.misbehave(action="status", status=500, times=1, taken=True)
    answers = [await sender.post(numbered(0)) for _ in range(2)]
    assert [answer.status for answer in answers] == [500, 202]
    assert await verdicts(sender) == [("applied", 500), ("repeated", 202)]


@played()
async def test_a_post_can_be_left_without_an_answer(sender: Sender) -> None:
    await sender.misbehave(action="hang", times=1)
    async with unanswered(sender):
        assert await verdicts(sender) == [("withheld", None)]


@played()
async def test_a_slow_answer_is_to_a_post_that_was_taken_at_once(sender: Sender) -> None:
    await sender.misbehave(action="slow", seconds=3_600, times=1)
    async with unanswered(sender):
        [outcome] = await sender.send(numbered(0))
    assert outcome["verdict"] == "repeated"


@played()
async def test_the_connection_can_be_closed_without_an_answer(sender: Sender) -> None:
    await sender.misbehave(action="hang-up", times=1)
    with pytest.raises(aiohttp.ClientConnectionError):
        await sender.post(numbered(0))
    [outcome] = await sender.send(numbered(0))
    assert outcome["verdict"] == "applied"


@played()
async def test_a_post_can_be_sent_elsewhere_or_answered_with_garbage(sender: Sender) -> None:
    await sender.misbehave(action="redirect", location="http://elsewhere.invalid/packets")
    answer = await sender.post(numbered(0))
    assert (answer.status, answer.body["Location"]) == (307, "http://elsewhere.invalid/packets")
    await sender.misbehave(action="garbage")
    async with sender.session.post(f"{sender.url}/packets", json=numbered(0)) as garbled:
        assert garbled.status == 200
        with pytest.raises(ValueError, match="codec"):
            await garbled.json()


@played()
async def test_a_lying_endpoint_accepts_and_loses_and_the_sequence_tells(sender: Sender) -> None:
    await sender.send(numbered(0))
    await sender.misbehave(action="lose", times=1)
    [lost] = await sender.send(numbered(1))
    assert lost["verdict"] == "applied"
    [outcome] = await sender.send(numbered(2))
    assert kinds(outcome) == ["gap"]
    assert [one["verdict"] for one in await sender.packets()] == ["applied", "withheld", "applied"]


@played()
async def test_an_endpoint_can_flap(sender: Sender) -> None:
    await sender.misbehave(action="status", status=500, times=2, spares=1)
    assert [(await sender.post(numbered(seq))).status for seq in range(7)] == [500, 500, 202, 500, 500, 202, 500]


@played()
async def test_a_fault_may_concern_one_device_and_ends_when_it_is_cleared(sender: Sender) -> None:
    await sender.misbehave(action="status", status=500, device="bess-1")
    other, mine = numbered(0), packet(0, 0, device="bess-1")
    assert [(await sender.post(one)).status for one in (other, mine, [numbered(1), mine])] == [202, 500, 500]
    assert (await sender.told("GET", "packets/misbehaviour"))["rules"][0]["device"] == "bess-1"
    await sender.told("DELETE", "packets/misbehaviour")
    assert (await sender.post(mine)).status == 202


@played(lambda: Gatekeeper(authorizations=["Token abc"]))
async def test_packets_need_the_authorization_and_those_without_are_kept_unread(sender: Sender) -> None:
    answer = await sender.post(numbered(0))
    assert (answer.status, answer.body["title"]) == (401, "Not authorized")
    assert (await sender.post(numbered(0), Authorization="Token guess")).status == 401
    assert (await sender.post(numbered(0), Authorization="Token abc")).status == 202
    assert await verdicts(sender) == [("turned-away", 401), ("turned-away", 401), ("applied", 202)]


@pytest.mark.parametrize(
    "rule",
    [
        {"action": "status"},
        {"action": "hang", "status": 500},
        {"action": "slow"},
        {"action": "redirect"},
        {"action": "hang", "spares": 1},
        {"action": "lose", "taken": True},
    ],
)
def test_a_fault_that_cannot_be_is_not_taken(rule: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(rule, type=Rule)


def test_the_first_rule_that_still_hits_is_used() -> None:
    rules = msgspec.convert([{"action": "hang", "times": 1}, {"action": "garbage"}], type=list[Rule])
    misbehaviour = Misbehaviour()
    misbehaviour.obey(MisbehaviourOrder(rules))
    used = [misbehaviour.take({"a"}) for _ in range(3)]
    assert [rule and rule.action for rule in used] == ["hang", "garbage", "garbage"]
