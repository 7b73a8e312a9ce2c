"""…/packets and …/readings: which overrides changed a packet, which only matched it, and what holds it back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from tests.adapters.control_api.client import Api
from tests.adapters.control_api.oscp import Partner
from tests.adapters.control_api.packets import FEED, FeedApi, open_feed
from tests.patience import patient

pytestmark = pytest.mark.anyio


@pytest.fixture
async def feed(partner: Partner, api: Api) -> FeedApi:
    return await open_feed(api, partner)


async def override(feed: FeedApi, mode: str) -> dict[str, str]:
    """How packets name it."""
    answer = await feed.override({"mode": mode})
    return {"id": answer.json()["override_ids"][0], "name": mode}


async def read(feed: FeedApi, what: str, **query: str) -> list[Any]:
    answer = await feed.api.get(f"{FEED}/{what}", params={"limit": 1000, "order": "oldest"} | query)
    found: list[Any] = answer.json()[what]
    return found


async def read_until(feed: FeedApi, holds: Callable[[list[Any]], bool], **query: str) -> list[Any]:
    async with asyncio.timeout(patient(60)):
        while True:
            if holds(found := await read(feed, "packets", **query)):
                return found
            await asyncio.sleep(0.01)


async def whole(feed: FeedApi, packet: Any) -> Any:
    return (await feed.api.get(f"{FEED}/packets/{packet['packet_id']}")).json()


async def test_only_packets_that_a_mode_falsified_are_deliberate(feed: FeedApi) -> None:
    before = {packet["packet_id"] for packet in await read(feed, "packets")}
    mode = await override(feed, "soc_always_full")
    await feed.tick()
    with_soc = {one["packet_id"] for one in await read(feed, "readings", key="SOC")} - before
    deliberate = await read(feed, "packets", has_override="true")
    assert {packet["packet_id"] for packet in deliberate} == with_soc != set()
    assert all(packet["changed_by"] == [mode] and not packet["matched_by"] for packet in deliberate)
    others = [one for one in await read(feed, "packets", has_override="false") if one["packet_id"] not in before]
    assert others
    assert all(packet["matched_by"] == [mode] for packet in others), "it was in force, and nothing was done to them"


async def test_the_true_value_stands_beside_the_false_one(feed: FeedApi) -> None:
    (true,) = [one["value"] for one in (await read(feed, "readings", key="SOC", type="TELEMETRY"))[-1:]]
    await override(feed, "soc_always_full")
    await override(feed, "missing_key")
    await feed.tick()
    false = (await read(feed, "readings", key="SOC"))[-1]
    assert false["value"] == 100 != false["truth"]["value"]
    assert abs(false["truth"]["value"] - true) < 50
    assert (false["truth"]["unit"], false["truth"]["at"]) == (false["unit"], false["at"])
    assert all(one["truth"] is None for one in await read(feed, "readings") if one["key"] != "SOC")
    left_out = [await whole(feed, packet) for packet in await read(feed, "packets", has_override="true")]
    keys = {truth["key"] for packet in left_out for truth in packet["left_out"]}
    assert keys == {"AVAILABLE_CHARGING_CAPACITY"}


async def test_an_override_of_a_key_that_no_device_sends_says_that_nothing_changes(feed: FeedApi) -> None:
    replaced = {"type": "distort", "how": "replaced", "value": "1"}
    for keys, warnings in ((["NO_SUCH"], ["no packet changes: no device of the feed sends NO_SUCH"]), (["SOC"], [])):
        answer = (await feed.override({"effect": replaced | {"keys": keys}})).json()
        assert (answer["override_state"], answer["warnings"]) == ("active", warnings)


async def test_an_override_of_a_device_that_is_not_there_says_that_nothing_matches(feed: FeedApi) -> None:
    device = (await read(feed, "packets"))[0]["device"]
    for name, warnings in (("nobody", ['no packet matches: no device of the feed has :device "nobody"']), (device, [])):
        match = {"where": [{"header": ":device", "equals": name}]}
        assert (await feed.override({"match": match, "effect": {"type": "withhold"}})).json()["warnings"] == warnings


async def test_packets_that_were_published_before_an_outage_name_it_as_what_holds_them(feed: FeedApi) -> None:
    feed.partner.status = 503
    await feed.api.tick()
    await feed.comes_to(lambda view: view["undelivered"] > 0)
    waiting = {packet["packet_id"] for packet in await read(feed, "packets", delivery="pending")}
    outage = await override(feed, "network_outage")

    held = await read_until(
        feed, lambda found: all(packet["held_by"] for packet in found if packet["packet_id"] in waiting)
    )
    held = [packet for packet in held if packet["packet_id"] in waiting]
    assert all(packet["held_by"] == packet["changed_by"] == [outage] and packet["deliberate"] for packet in held)
    assert {packet["attempts"] for packet in held} >= {0}, "those behind the first have not been tried"

    feed.partner.status = 204
    await feed.override({"clear": "all"})
    await feed.settled()
    arrived = await read_until(feed, lambda found: all(packet["delivery"] == "delivered" for packet in found))
    late = [packet for packet in arrived if packet["deliberate"]]
    assert {packet["packet_id"] for packet in late} >= waiting
    assert not any(packet["held_by"] for packet in arrived)
