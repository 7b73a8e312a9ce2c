"""…/packet-feeds/{binding_id}/overrides and …/expectations: packets that go wrong on purpose, and verdicts on it."""

from __future__ import annotations

import pytest

from depot_sim.domain.packets.named_faults import PACKETS
from tests.adapters.control_api.client import Api, pointers, problem
from tests.adapters.control_api.oscp import Partner
from tests.adapters.control_api.packets import FEED, FeedApi, open_feed

pytestmark = pytest.mark.anyio

FINE = {"message_types": ["Answer"], "where": [{"header": ":status", "at_most": "299"}]}
REFUSED = {"header": ":status", "at_least": "400"}


@pytest.fixture
async def feed(partner: Partner, api: Api) -> FeedApi:
    return await open_feed(api, partner)


async def test_every_mode_is_listed_and_can_be_applied_and_cleared(api: Api, feed: FeedApi) -> None:
    modes = (await api.get("/packet-override-modes")).json()["override_modes"]
    assert {mode["name"] for mode in modes} == set(PACKETS.modes)
    for mode in modes:
        answer = (await feed.override({"mode": mode["name"]})).json()
        assert (answer["binding_id"], answer["override_state"]) == ("meters", "active")
        assert (await feed.override({"clear": "all"})).json()["override_ids"] == answer["override_ids"]


async def test_packets_are_withheld_while_a_mode_says_so(feed: FeedApi) -> None:
    await feed.override({"mode": "drop_telemetry"})
    before = len(feed.sent("TELEMETRY"))
    await feed.tick()
    assert len(feed.sent("TELEMETRY")) == before
    (override,) = (await feed.api.get(f"{FEED}/overrides")).json()["overrides"]
    assert override["hits"] == override["seen"] > 0
    await feed.override({"clear": "all"})
    await feed.tick()
    after = feed.sent("TELEMETRY")
    assert len(after) > before
    seqs = [packet["seq"] for packet in after if packet["deviceId"] == after[-1]["deviceId"]]
    assert seqs[-1] - seqs[-2] > 1, "who was left out shows in the numbers"


async def test_packets_say_something_untrue_in_sound_json(feed: FeedApi) -> None:
    await feed.override({"mode": "wrong_casing"})
    await feed.tick()
    keys = {measured["key"] for measured in feed.sent("TELEMETRY")[-1]["measurements"]}
    assert keys
    assert all(key == key.lower() for key in keys)


async def test_one_device_is_hit_and_the_others_are_not(feed: FeedApi) -> None:
    device = feed.sent("TELEMETRY")[-1]["deviceId"]
    of_device = {"where": [{"header": ":device", "equals": device}]}
    await feed.override({"match": of_device, "effect": {"type": "distort", "how": "bad_quality"}})
    arrived = len(feed.sent("TELEMETRY"))
    await feed.tick()
    for packet in feed.sent("TELEMETRY")[arrived:]:
        is_bad = {measured["quality"] for measured in packet["measurements"]} == {"BAD"}
        assert is_bad == (packet["deviceId"] == device)


async def test_an_outage_holds_everything_back_until_it_is_cleared(feed: FeedApi) -> None:
    await feed.override({"mode": "network_outage"})
    arrived = len(feed.partner.received)
    await feed.api.tick()
    await feed.comes_to(lambda view: view.get("failures", 0) > 0 and "down, by" in view["last_error"])
    assert len(feed.partner.received) == arrived
    await feed.override({"clear": "all"})
    await feed.settled()
    assert len(feed.partner.received) > arrived


async def test_an_outage_ends_with_the_run_s_time(feed: FeedApi) -> None:
    await feed.override({"mode": "burst_after_offline"})
    arrived = len(feed.partner.received)
    for _ in range(9):
        await feed.api.tick()
    assert len(feed.partner.received) == arrived
    await feed.api.tick(2)
    await feed.settled()
    assert len(feed.partner.received) > arrived
    assert (await feed.api.get(f"{FEED}/overrides")).json() == {"overrides": []}


async def test_packets_are_sent_again_the_same_to_the_byte(feed: FeedApi) -> None:
    await feed.override({"mode": "duplicate_packets", "times": 1})
    arrived = len(feed.partner.received)
    await feed.tick()
    bodies = [received.body for received in feed.partner.received[arrived:]]
    assert len(bodies) == len(set(bodies)) + 1


async def test_an_answer_to_each_packet_is_expected_and_comes(feed: FeedApi) -> None:
    each = {"to_each": {"message_types": ["Telemetry"], "within_ms": 500}, "messages": [FINE], "clock": "wall"}
    id = await feed.expect(each | {"within_ms": 1_000})
    await feed.tick()
    met = await feed.verdict(id)
    assert met["verdict"] == "met"
    assert met["counts"][0] > 0


async def test_a_packet_without_its_answer_is_told_with_what_came_instead(feed: FeedApi) -> None:
    each = {"to_each": {"message_types": ["Telemetry"], "within_ms": 300}, "messages": [FINE], "clock": "wall"}
    id = await feed.expect(each | {"within_ms": 60_000})
    feed.partner.status = 422
    await feed.tick()
    missed = await feed.verdict(id)
    assert (missed["verdict"], missed["reason"]) == ("missed", "unanswered")
    wrong = [field["field"] for field in missed["nearest"][0]["fields"] if not field["matched"]]
    assert wrong == ["header :status", "outcome"]


async def test_a_refusal_misses_what_must_never_come(feed: FeedApi) -> None:
    never = {"messages": [{"message_types": ["Answer"], "where": [REFUSED]}], "never": True, "within_ms": 600_000}
    fine, broken = await feed.expect(never), await feed.expect(never)
    await feed.api.http.delete(f"{FEED}/expectations/{fine}")
    feed.partner.status = 400
    await feed.tick()
    assert ((await feed.verdict(broken))["verdict"], (await feed.verdict(fine))["verdict"]) == ("missed", "retired")


async def test_a_deadline_on_the_run_s_clock_comes_though_no_packet_does(feed: FeedApi) -> None:
    id = await feed.expect({"messages": [{"message_types": ["Death"]}], "within_ms": 120_000})
    await feed.override({"mode": "drop_packets"})
    for _ in range(2):
        await feed.tick()
    missed = await feed.verdict(id)
    assert (missed["verdict"], missed["reason"]) == ("missed", "deadline")


async def test_overrides_end_with_the_feed_so_that_what_is_left_arrives(feed: FeedApi) -> None:
    id = await feed.expect({"messages": [{"message_types": ["Birth"]}], "within_ms": 86_400_000})
    await feed.override({"mode": "network_outage"})
    await feed.api.tick()
    closed = await feed.api.http.delete(FEED)
    assert closed.status_code == 200, closed.text
    await feed.settled()
    assert feed.sent("DEATH")
    assert (await feed.verdict(id))["verdict"] == "retired"


async def test_every_fault_of_a_request_is_told_at_its_place(feed: FeedApi) -> None:
    answer = problem(await feed.override({"effect": {"type": "reject"}, "times": 0}), 422, "invalid-input")
    assert sorted(pointers(answer)) == ["/effect/type", "/times"]
    for path in ("/simulation-runs/r/packet-feeds/none/overrides", f"{FEED}/expectations/none"):
        problem(await feed.api.get(path), 404, "not-found")
