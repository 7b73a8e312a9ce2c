"""The world over HTTP, now and earlier."""

from __future__ import annotations

import pytest

from tests.adapters.control_api.client import Api, pointers, problem

pytestmark = pytest.mark.anyio

LISTS = {
    "vehicles": ["bus-1", "bus-2"],
    "chargers": ["charger-1"],
    "sensors": ["meter", "soc"],
    "nodes": ["grid", "feeder", "yard"],
    "bess": ["battery"],
    "pv": ["roof"],
    "controllers": ["controller"],
}


@pytest.mark.parametrize("things", LISTS)
async def test_every_kind_of_thing_is_listed_as_the_world_has_it(api: Api, things: str) -> None:
    await api.start()
    await api.tick(30)
    listed = (await api.get(f"/simulation-runs/r/{things}")).json()
    assert [each["id"] for each in listed] == LISTS[things]
    assert (await api.get("/simulation-runs/r/world")).json()[things] == listed


@pytest.mark.parametrize("path", [f"{things}/{ids[-1]}" for things, ids in LISTS.items()])
async def test_one_thing_is_what_the_list_has(api: Api, path: str) -> None:
    await api.start()
    await api.tick(30)
    things, _, id = path.partition("/")
    listed = (await api.get(f"/simulation-runs/r/{things}")).json()
    assert (await api.get(f"/simulation-runs/r/{path}")).json() == next(each for each in listed if each["id"] == id)


async def test_a_connector_is_read_by_its_place_on_its_charger(api: Api) -> None:
    await api.start()
    connector = (await api.get("/simulation-runs/r/chargers/charger-1/connectors/b")).json()
    assert (connector["id"], connector["charger"]) == ("charger-1/b", "charger-1")


@pytest.mark.parametrize("path", [*(f"{things}/x" for things in LISTS), "chargers/charger-1/connectors/x"])
async def test_what_is_not_there_is_not_found(api: Api, path: str) -> None:
    await api.start()
    problem(await api.get(f"/simulation-runs/r/{path}"), 404, "not-found")


async def test_a_read_sees_the_command_before_it(api: Api) -> None:
    await api.start()
    for percent in range(50, 60):
        await api.command("set-soc", {"vehicle": "bus-2", "soc": f"{percent} %"})
        vehicle = (await api.get("/simulation-runs/r/vehicles/bus-2")).json()
        assert vehicle["soc_ppm"] == percent * 10_000


async def test_the_world_at_an_earlier_event_or_moment_is_as_it_was(api: Api) -> None:
    await api.start()
    seen = []
    for _ in range(4):
        await api.tick(30)
        seen.append((await api.get("/simulation-runs/r/world")).json())
    for world in seen:
        at_event = await api.get("/simulation-runs/r/world", params={"event": world["version"]})
        assert at_event.json() == world
        for moment in (world["time"], f"+{world['at'] // 60_000} min"):
            earlier = await api.get("/simulation-runs/r/world", params={"at": moment})
            assert earlier.json() == world


async def test_a_plus_that_was_not_escaped_is_understood(api: Api) -> None:
    await api.start(start_time="2026-03-02T12:00:00+10:00")
    await api.tick(30)
    for moment in ("+10min", "2026-03-02T12:10:00+10:00"):
        assert (await api.get(f"/simulation-runs/r/world?at={moment}")).json()["at"] == 600_000


async def test_a_world_that_has_not_changed_is_not_sent_again(api: Api) -> None:
    await api.start()
    first = await api.get("/simulation-runs/r/world")
    known = {"If-None-Match": first.headers["etag"]}
    assert (await api.get("/simulation-runs/r/world", headers=known)).status_code == 304
    await api.tick()
    assert (await api.get("/simulation-runs/r/world", headers=known)).status_code == 200


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("at=%2B99+h", "/at"),
        ("at=yesterday", "/at"),
        ("at=2020-01-01T00:00:00Z", "/at"),
        ("event=0", "/event"),
        ("event=999", "/event"),
        ("event=first", "/event"),
        ("at=%2B1+min&event=1", "/event"),
        ("when=now", "/when"),
        ("event=1&event=2", "/event"),
    ],
)
async def test_a_moment_that_is_none_is_refused(api: Api, query: str, pointer: str) -> None:
    await api.start()
    body = problem(await api.get(f"/simulation-runs/r/world?{query}"), 422, "invalid-input")
    assert pointers(body) == [pointer]
