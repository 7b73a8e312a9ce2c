"""What is sent, how often, and what is remembered of it."""

from __future__ import annotations

import pytest

from depot_sim.application.http import HttpResult
from depot_sim.application.packets import hosted as hosting
from depot_sim.domain.kernel.credentials import Authorization, Credentials, SecretReference
from depot_sim.domain.packets.events import FeedPolicy, PacketDelivered, PacketDeliveryFailed, PacketRejected
from tests.application.packets.processes import BINDING, QUICK, PacketProcess
from tests.application.run.processes import ALICE

pytestmark = pytest.mark.anyio

NOBODY = HttpResult(0, error="connection refused: platform:80")


@pytest.fixture
async def run(process: PacketProcess) -> PacketProcess:
    """With a feed "iot" that tries again quickly, and nothing sent yet."""
    await process.start()
    await process.open(policy=QUICK)
    return process


async def test_a_request_says_what_the_profile_and_the_binding_want(process: PacketProcess) -> None:
    await process.start()
    credentials = Credentials(outbound=SecretReference("env:DEPOT_SIM_SECRET_TOKEN"), headers={"X-Site": "one"})
    policy = FeedPolicy(connect_timeout_ms=11, request_timeout_ms=22)
    await process.open(authorization=Authorization.BEARER, credentials=credentials, policy=policy)
    await process.runs.tick("r", 1, ALICE)
    await process.until(lambda: process.is_delivered("iot"))
    sent = next(outgoing for outgoing in process.platform.received if outgoing.url == "http://platform/packets")
    assert (sent.method, sent.authorization, sent.credentials) == ("POST", Authorization.BEARER, credentials)
    assert (sent.connect_timeout_ms, sent.request_timeout_ms) == (11, 22)
    assert ("Content-Type", "application/json") in sent.headers


async def test_a_failure_is_told_and_tried_again_until_it_arrives(run: PacketProcess) -> None:
    run.platform.answer = NOBODY
    await run.runs.tick("r", 1, ALICE)
    await run.until(lambda: run.stored("iot").state.failures > 10)
    run.platform.answer = HttpResult(204)
    await run.until(lambda: run.is_delivered("iot"))
    failed = [event for event in run.feed_events("iot") if isinstance(event, PacketDeliveryFailed)]
    assert {event.error for event in failed} == {NOBODY.error}
    assert {50 <= event.retry_ms <= 100 for event in failed} == {True}
    delivered = [event for event in run.feed_events("iot") if isinstance(event, PacketDelivered)]
    assert len(delivered) == run.stored("iot").state.published


async def test_a_platform_that_asks_for_time_is_left_alone_for_it(run: PacketProcess) -> None:
    run.platform.answer = HttpResult(503, answer_headers=(("Retry-After", "3600"),))
    await run.runs.tick("r", 1, ALICE)
    await run.until(lambda: run.stored("iot").state.failures)
    failed = next(event for event in run.feed_events("iot") if isinstance(event, PacketDeliveryFailed))
    assert failed.retry_ms == 3_600_000


async def test_a_refusal_is_kept_with_its_answer_cut_to_size_and_the_next_packet_goes_on(run: PacketProcess) -> None:
    run.platform.answer = HttpResult(422, body="x" * 100_000)
    await run.runs.tick("r", 1, ALICE)
    await run.until(lambda: run.is_delivered("iot"))
    refused = [event for event in run.feed_events("iot") if isinstance(event, PacketRejected)]
    assert len(refused) == run.stored("iot").state.published
    assert {len(event.answer) for event in refused} == {4_096}
    view = await run.packets.feed("r", "iot")
    assert (view.rejected, view.last_error) == (len(refused), "answered 422")


async def test_a_backlog_too_long_to_keep_at_hand_is_read_again(
    run: PacketProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosting, "_KEPT_PACKETS", 3)
    run.platform.answer = NOBODY
    await run.runs.tick("r", 10, ALICE)
    await run.until(lambda: run.stored("iot").state.waiting > 20)
    run.platform.answer = HttpResult(204)
    run.platform.received.clear()
    await run.until(lambda: run.is_delivered("iot") and run.is_delivered(BINDING))
    assert all(list(dict.fromkeys(seqs)) == sorted(set(seqs)) for seqs in run.platform.seqs().values())


async def test_beyond_the_limit_the_oldest_are_given_up(process: PacketProcess) -> None:
    await process.start()
    process.platform.hold()
    await process.open(policy=FeedPolicy(backlog_limit=10))
    await process.runs.tick("r", 10, ALICE)
    await process.until(lambda: process.stored("iot").state.dropped > 0)
    state = process.stored("iot").state
    assert (state.waiting, state.published) == (10, 10 + state.dropped)
    process.platform.release()
    await process.until(lambda: not process.stored("iot").state.waiting)


async def test_no_more_requests_are_under_way_than_allowed(process: PacketProcess) -> None:
    await process.start()
    await process.packets.close_feed("r", BINDING, ALICE)
    process.platform.hold()
    await process.open(policy=FeedPolicy(connections=2))
    await process.runs.tick("r", 5, ALICE)
    await process.until(lambda: process.platform.under_way == 2 and process.stored("iot").state.waiting > 10)
    process.platform.release()
    await process.until(lambda: process.is_delivered("iot"))
    assert process.platform.most_under_way == 2
