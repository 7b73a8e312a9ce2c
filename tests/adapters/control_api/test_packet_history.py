"""…/packet-feeds/{binding_id}/packets and …/readings: what was sent, in pages, by filters, and each packet whole."""

from __future__ import annotations

import asyncio
import json
from typing import Any, TypeAlias

import pytest

from depot_sim.domain.packets.packet import packet_id_of
from tests.adapters.control_api.client import Api, pointers, problem
from tests.adapters.control_api.oscp import Partner
from tests.adapters.control_api.packets import FEED, FeedApi, open_feed
from tests.patience import patient

pytestmark = pytest.mark.anyio

Lines: TypeAlias = list[dict[str, Any]]
BATTERY = "bess-battery"


@pytest.fixture
async def feed(partner: Partner, api: Api) -> FeedApi:
    """Of a run of three minutes: the platform took the first, refused the second, and got no telemetry in the third."""
    feed = await open_feed(api, partner)
    partner.status = 422
    await feed.tick()
    partner.status = 204
    await feed.override({"mode": "drop_telemetry"})
    await feed.tick()
    await recorded(feed)
    return feed


async def recorded(feed: FeedApi) -> None:
    """Every packet settled, and in the log: answers are written some together, shortly after they came."""
    await feed.settled()
    async with asyncio.timeout(patient(60)):
        while True:
            if not await packets(feed, delivery="pending"):
                return
            await asyncio.sleep(0.01)


async def packets(feed: FeedApi, **query: Any) -> Lines:
    response = await feed.api.get(f"{FEED}/packets", params={"limit": 1000, "order": "oldest"} | query)
    assert response.status_code == 200, response.text
    found: Lines = response.json()["packets"]
    return found


async def readings(feed: FeedApi, **query: Any) -> Lines:
    response = await feed.api.get(f"{FEED}/readings", params={"limit": 1000, "order": "oldest"} | query)
    assert response.status_code == 200, response.text
    found: Lines = response.json()["readings"]
    return found


async def test_a_line_of_the_history_says_what_became_of_a_packet(feed: FeedApi) -> None:
    packet = (await packets(feed, device=BATTERY))[0]
    assert packet.pop("position") > 0
    assert packet.pop("latency_us") > 0
    assert packet == {
        "packet_id": packet_id_of("r", BATTERY, 0),
        "at": "2026-03-02T12:01:00.000Z",
        "device": BATTERY,
        "seq": 0,
        "type": "BIRTH",
        "sent_at": "2026-03-02T12:01:00.000Z",
        "delivery": "delivered",
        "attempts": 1,
        "status": 204,
        "error": "",
        "deliberate": False,
        "changed_by": [],
        "matched_by": [],
        "held_by": [],
    }


async def test_everything_that_arrived_is_there_and_what_was_refused_or_withheld_too(feed: FeedApi) -> None:
    sent = [json.loads(received.body)["packetId"] for received in feed.partner.received]
    everything = await packets(feed)
    assert sorted(sent) == sorted(packet["packet_id"] for packet in everything if packet["attempts"])
    assert {packet["delivery"] for packet in everything} == {"delivered", "rejected", "dropped"}


@pytest.mark.parametrize(
    "asked",
    [
        {"device": BATTERY},
        {"type": "TELEMETRY"},
        {"delivery": "rejected"},
        {"delivery": "dropped", "device": BATTERY},
        {"device": BATTERY, "type": "TELEMETRY", "delivery": "delivered"},
    ],
    ids=str,
)
async def test_packets_are_chosen_by_what_they_are(feed: FeedApi, asked: dict[str, str]) -> None:
    expected = [packet for packet in await packets(feed) if asked.items() <= packet.items()]
    assert expected
    assert await packets(feed, **asked) == expected


async def test_packets_are_chosen_by_what_they_say_something_of(feed: FeedApi) -> None:
    told = {reading["packet_id"] for reading in await readings(feed) if reading["key"] == "SOC"}
    assert told
    assert {packet["packet_id"] for packet in await packets(feed, key="SOC")} == told
    assert await packets(feed, key="soc") == []


async def test_what_was_done_on_purpose_is_told_from_what_happened(feed: FeedApi) -> None:
    withheld = await packets(feed, has_override="true")
    assert {packet["type"] for packet in withheld} == {"TELEMETRY"}
    assert {packet["error"] for packet in withheld} == {"withheld by an override"}
    assert all([one["name"] for one in packet["changed_by"]] == ["drop_telemetry"] for packet in withheld)
    others = await packets(feed, has_override="false")
    assert len(others) + len(withheld) == len(await packets(feed))


async def test_times_are_those_of_the_run(feed: FeedApi) -> None:
    second = await packets(feed, since="2026-03-02T12:02:00Z", until="2026-03-02T14:03:00+02:00")
    assert {packet["at"] for packet in second} == {"2026-03-02T12:02:00.000Z"}
    assert await packets(feed, until="2026-03-02T12:01:00Z") == []
    assert len(await packets(feed, since="2026-03-02T12:00:00.5Z")) == len(await packets(feed))


@pytest.mark.parametrize(("order", "bound"), [("newest", "before"), ("oldest", "after")])
@pytest.mark.parametrize("what", ["packets", "readings"])
async def test_pages_follow_each_other_both_ways(feed: FeedApi, what: str, order: str, bound: str) -> None:
    whole = (await feed.api.get(f"{FEED}/{what}", params={"order": order, "limit": 1000})).json()
    assert whole["next"] is None
    found, query = [], {"order": order, "limit": 7}
    while True:
        page = (await feed.api.get(f"{FEED}/{what}", params=query)).json()
        found += page[what]
        if page["next"] is None:
            break
        query[bound] = page["next"]
    assert found == whole[what]


async def test_readings_are_the_sequence_that_the_platform_got(feed: FeedApi) -> None:
    await feed.api.http.patch(f"{FEED}/overrides", json={"clear": "all"})
    arrived = len(feed.partner.received)
    await feed.tick()
    sent = [json.loads(received.body) for received in feed.partner.received[arrived:]]
    expected = [
        (packet["deviceId"], packet["seq"], said["key"], said["value"], said.get("unit", ""))
        for packet in sorted(sent, key=lambda packet: (packet["deviceId"], packet["seq"]))
        for said in packet["measurements"]
    ]
    found = await readings(feed, since="2026-03-02T12:04:00Z")
    told = [tuple(reading[name] for name in ("device", "seq", "key", "value", "unit")) for reading in found]
    assert sorted(told, key=lambda line: line[:2]) == expected


async def test_readings_are_chosen_by_device_key_and_type(feed: FeedApi) -> None:
    of_battery = await readings(feed, device=BATTERY, key="SOC", type="TELEMETRY")
    assert [reading["at"] for reading in of_battery] == [f"2026-03-02T12:0{minute}:00.000Z" for minute in (1, 2, 3)]
    assert {(reading["device"], reading["key"], reading["unit"]) for reading in of_battery} == {(BATTERY, "SOC", "%")}
    (born,) = await readings(feed, device=BATTERY, key="SOC", type="BIRTH")
    assert born["value"][:2] == ["min 0", "max 100"]


async def test_a_packet_is_read_whole(feed: FeedApi) -> None:
    (refused,) = await packets(feed, device=BATTERY, type="TELEMETRY", delivery="rejected")
    whole = (await feed.api.get(f"{FEED}/packets/{refused['packet_id']}")).json()
    assert whole.items() >= refused.items()
    assert (whole["run_id"], whole["binding_id"], whole["device_type"]) == ("r", "meters", "BESS")
    (received,) = [r for r in feed.partner.received if json.loads(r.body)["packetId"] == refused["packet_id"]]
    assert (whole["body"], whole["base64"]) == (received.body, False)
    said = [(reading["key"], reading["value"]) for reading in whole["readings"]]
    assert said == [(each["key"], each["value"]) for each in json.loads(received.body)["measurements"]]
    (attempt,) = whole["delivery_attempts"]
    assert (attempt["attempt"], attempt["outcome"], attempt["status"]) == (1, "rejected", 422)
    assert (attempt["answer"], attempt["error"], attempt["retry_ms"]) == ("", "", None)


async def test_every_attempt_is_told_with_how_long_the_next_one_waited(feed: FeedApi) -> None:
    await feed.override({"clear": "all"})
    feed.partner.status = 503
    await feed.api.tick()
    await feed.comes_to(lambda view: view.get("failures", 0) > 0)
    feed.partner.status = 204
    await recorded(feed)
    failed = next(packet for packet in await packets(feed, delivery="delivered") if packet["attempts"] > 1)
    whole = (await feed.api.get(f"{FEED}/packets/{failed['packet_id']}")).json()
    *before, last = whole["delivery_attempts"]
    assert [attempt["attempt"] for attempt in whole["delivery_attempts"]] == [*range(1, failed["attempts"] + 1)]
    assert all((attempt["outcome"], attempt["status"]) == ("pending", 503) for attempt in before)
    assert all(attempt["retry_ms"] > 0 for attempt in before)
    assert (last["outcome"], last["status"], last["retry_ms"]) == ("delivered", 204, None)


async def test_a_refused_packet_that_is_sent_again_is_delivered_in_the_end(feed: FeedApi) -> None:
    (refused,) = await packets(feed, device=BATTERY, type="TELEMETRY", delivery="rejected")
    answer = await feed.api.post(f"{FEED}/resend", {"packet_id": refused["packet_id"]})
    assert answer.status_code == 202, answer.text
    await recorded(feed)
    whole = (await feed.api.get(f"{FEED}/packets/{refused['packet_id']}")).json()
    assert (whole["delivery"], whole["status"]) == ("delivered", 204)
    assert [attempt["outcome"] for attempt in whole["delivery_attempts"]] == ["rejected", "delivered"]


async def test_two_feeds_of_a_run_are_told_apart_though_their_packets_have_the_same_ids(
    feed: FeedApi, partner: Partner
) -> None:
    other = FEED.replace("meters", "others")
    asked = {"binding_id": "others", "managed_scope_id": "scope-grid-1", "endpoint": f"{partner.url}/others"}
    assert (await feed.api.post("/simulation-runs/r/packet-feeds", asked)).status_code == 201
    id = packet_id_of("r", BATTERY, 0)
    first, second = [(await feed.api.get(f"{path}/packets/{id}")).json() for path in (FEED, other)]
    assert (first["binding_id"], first["at"]) == ("meters", "2026-03-02T12:01:00.000Z")
    assert (second["binding_id"], second["at"]) == ("others", "2026-03-02T12:03:00.000Z")


async def test_what_there_is_not_is_not_found(feed: FeedApi) -> None:
    unknown = "/simulation-runs/r/packet-feeds/none"
    for path in (f"{FEED}/packets/none", f"{unknown}/packets", f"{unknown}/readings", f"{unknown}/packets/none"):
        problem(await feed.api.get(path), 404, "not-found")


@pytest.mark.parametrize("what", ["packets", "readings"])
async def test_a_bad_question_is_told_with_what_would_do(feed: FeedApi, what: str) -> None:
    for query, pointer in (
        ({"since": "noon"}, "/since"),
        ({"until": "2026-03-02T12:00:00"}, "/until"),
        ({"type": "telemetry"}, "/type"),
        ({"order": "random"}, "/order"),
        ({"limit": "0"}, "/limit"),
        ({"limit": "many"}, "/limit"),
        ({"colour": "red"}, "/colour"),
    ):
        answer = problem(await feed.api.get(f"{FEED}/{what}", params=query), 422, "invalid-input")
        assert pointers(answer) == [pointer]
