"""Packet feeds over HTTP: opened, read, closed, and packets sent again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import msgspec
import pytest

from tests.adapters.control_api.client import Api, pointers, problem
from tests.adapters.control_api.oscp import Partner, listening, start_run
from tests.patience import patient

pytestmark = pytest.mark.anyio

FEEDS = "/simulation-runs/r/packet-feeds"


@pytest.fixture
async def platform() -> AsyncIterator[Partner]:
    async with listening() as there:
        yield there


@pytest.fixture
async def feed(platform: Partner, api: Api) -> str:
    """The path of a new feed of the manual run "r"."""
    await start_run(api)
    opened = await api.post(FEEDS, asked(platform))
    assert opened.status_code == 201, opened.text
    return str(opened.headers["location"])


def asked(platform: Partner, **changes: Any) -> dict[str, Any]:
    return {"binding_id": "iot", "managed_scope_id": "scope-grid-1", "endpoint": platform.url} | changes


async def until(api: Api, path: str, holds: Callable[[Any], bool]) -> Any:
    """The feed, once this holds of it."""
    async with asyncio.timeout(patient(60)):
        while not holds(view := (await api.get(path)).json()):  # noqa: ASYNC110 - what is waited for is behind HTTP
            await asyncio.sleep(0.01)
    return view


def is_delivered(view: Any) -> bool:
    return bool(view.get("published")) and not view.get("undelivered")


async def test_a_feed_is_opened_and_read(api: Api, feed: str, platform: Partner) -> None:
    assert feed == f"{FEEDS}/iot"
    await api.tick(5)
    view = await until(api, feed, is_delivered)
    assert (view["feed_id"], view["status"], view["profile"]) == ("packets-r-iot", "OPEN", "default/1")
    assert view["delivered"] == view["published"] == len(platform.received)
    assert (await api.get(FEEDS)).json() == {"packet_feeds": [view]}


async def test_its_devices_say_what_they_send_and_how_far_they_are(api: Api, feed: str) -> None:
    await api.tick(5)
    view = await until(api, feed, is_delivered)
    devices = (await api.get(f"{feed}/devices")).json()["devices"]
    assert len(devices) == view["devices"]
    assert sum(device["next_seq"] for device in devices) == view["published"]
    weather = next(device for device in devices if device["device_type"] == "WEATHER")
    assert (weather["device_id"], weather["keys"], weather["born"]) == ("weather", ["AMBIENT_TEMPERATURE"], True)


async def test_a_platform_that_refuses_shows_in_the_feed(api: Api, feed: str, platform: Partner) -> None:
    platform.status = 422
    await api.tick()
    view = await until(api, feed, lambda view: view.get("rejected", 0) > 0 and is_delivered(view))
    assert (view["health"], view["last_error"]) == ("IMPAIRED", "answered 422")
    devices = (await api.get(f"{feed}/devices")).json()["devices"]
    assert all(device["troubled"] for device in devices)


async def test_a_packet_is_sent_again_the_same_to_the_byte(api: Api, feed: str, platform: Partner) -> None:
    await api.tick()
    await until(api, feed, is_delivered)
    first = platform.received[0].body
    sent = len(platform.received)
    again = await api.post(f"{feed}/resend", {"packet_id": msgspec.json.decode(first)["packetId"]})
    assert again.status_code == 202, again.text
    await until(api, feed, is_delivered)
    assert [received.body for received in platform.received[sent:]] == [first]
    problem(await api.post(f"{feed}/resend", {"packet_id": "none"}), 404, "not-found")


async def test_a_feed_is_closed_and_may_be_opened_again(api: Api, feed: str, platform: Partner) -> None:
    await api.tick()
    problem(await api.post(FEEDS, asked(platform)), 409, "conflict")
    closed = await api.http.delete(feed)
    assert closed.status_code == 200, closed.text
    assert closed.json()["status"] in {"CLOSING", "CLOSED"}
    await until(api, feed, lambda view: view["status"] == "CLOSED")
    assert msgspec.json.decode(platform.received[-1].body)["type"] == "DEATH"
    assert (await api.post(FEEDS, asked(platform))).status_code == 201


async def test_what_is_not_there_is_not_found(api: Api, feed: str) -> None:
    problem(await api.get(f"{FEEDS}/other"), 404, "not-found")
    problem(await api.get(f"{FEEDS}/other/devices"), 404, "not-found")
    problem(await api.http.delete(f"{FEEDS}/other"), 404, "not-found")
    problem(await api.get("/simulation-runs/none/packet-feeds"), 404, "not-found")


async def test_every_fault_of_a_request_is_told(api: Api, feed: str, platform: Partner) -> None:
    wrong = asked(platform, binding_id="b", managed_scope_id="x", endpoint="y", authorization="token")
    body = problem(await api.post(FEEDS, wrong), 422, "invalid-input")
    assert pointers(body) == ["/managed_scope_id", "/endpoint", "/credentials/outbound"]
    problem(await api.post(FEEDS, asked(platform, unheard="of")), 422, "invalid-input")
    policy = {"retry_base_ms": 500, "retry_cap_ms": 100}
    wrong = asked(platform, binding_id="b", endpoint="http://user:secret@host/packets", policy=policy)
    body = problem(await api.post(FEEDS, wrong), 422, "invalid-input")
    assert pointers(body) == ["/endpoint", "/policy/retry_cap_ms"]


async def test_a_stopped_run_opens_no_feed(api: Api, feed: str, platform: Partner) -> None:
    await api.command("stop")
    await until(api, feed, lambda view: view["status"] == "CLOSED")
    problem(await api.post(FEEDS, asked(platform, binding_id="late")), 409, "command-refused")
