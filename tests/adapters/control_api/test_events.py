"""/simulation-runs/{run_id}/events as pages and as lines."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.adapters.control_api.client import Api, pointers, problem

pytestmark = pytest.mark.anyio

PATH = "/simulation-runs/r/events"


async def everything(api: Api, **query: Any) -> list[dict[str, Any]]:
    response = await api.get(PATH, params=query, headers={"Accept": "application/jsonl"})
    assert response.headers["content-type"].startswith("application/jsonl")
    return [json.loads(line) for line in response.text.splitlines()]


async def test_pages_put_together_are_all_events(api: Api) -> None:
    await api.start()
    await api.tick(130)
    pages, after, more = [], 0, True
    while more:
        page = (await api.get(PATH, params={"after": after, "limit": 50})).json()
        pages += page["events"]
        after, more = page["next"], page["more"]

    assert pages == await everything(api)
    assert [event["version"] for event in pages] == list(range(1, len(pages) + 1))
    assert pages[0]["type"] == "run.started.1"
    assert pages[0]["data"]["run_id"] == "r"


async def test_the_end_is_where_polling_goes_on(api: Api) -> None:
    await api.start()
    page = (await api.get(PATH)).json()
    assert page["more"] is False
    assert (await api.get(PATH, params={"after": page["next"]})).json()["events"] == []
    await api.tick()
    assert len((await api.get(PATH, params={"after": page["next"]})).json()["events"]) >= 1


async def test_events_of_other_runs_are_not_among_them(api: Api) -> None:
    await api.start("r")
    await api.start("r2")
    await api.tick(5, "r2")
    assert {event["stream"] for event in await everything(api)} == {"run-r"}


async def test_types_may_be_named(api: Api) -> None:
    await api.start()
    await api.tick(3)
    await api.command("pause")
    events = await everything(api, type=["run.ticked.1", "run.paused.1"])
    assert [event["type"] for event in events] == ["run.ticked.1"] * 3 + ["run.paused.1"]


async def test_moments_cut_a_stretch_out(api: Api) -> None:
    await api.start()
    await api.tick(60)
    query = {"from": "+10 min", "to": "+20 min", "type": "run.ticked.1"}
    assert [event["data"]["at"] // 60_000 for event in await everything(api, **query)] == list(range(10, 21))
    page = (await api.get(PATH, params=query | {"limit": "5"})).json()
    assert [event["data"]["at"] // 60_000 for event in page["events"]] == list(range(10, 15))
    assert page["more"] is True
    rest = (await api.get(PATH, params=query | {"after": page["next"]})).json()
    assert [event["data"]["at"] // 60_000 for event in rest["events"]] == list(range(15, 21))
    assert rest["more"] is False


async def test_lines_end_where_they_are_told_to(api: Api) -> None:
    await api.start()
    await api.tick(500)
    assert len(await everything(api, limit=250)) == 250
    assert len(await everything(api, limit=100_000)) == (await api.get("/simulation-runs/r")).json()["version"]


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("type=run.flew.1&after=-1&limit=0", ["/type", "/after", "/limit"]),
        ("limit=1001", ["/limit"]),
        ("from=noon", ["/from"]),
        ("to=noon", ["/to"]),
        ("since=0", ["/since"]),
    ],
)
async def test_events_asked_for_wrongly_say_where(api: Api, query: str, wrong: list[str]) -> None:
    await api.start()
    assert pointers(problem(await api.get(f"{PATH}?{query}"), 422, "invalid-input")) == wrong


@pytest.mark.parametrize(("header", "query"), [("yesterday", ""), ("-1", ""), ("1", "?limit=5")])
async def test_an_event_stream_that_cannot_be_is_refused(api: Api, header: str, query: str) -> None:
    await api.start()
    headers = {"Accept": "text/event-stream", "Last-Event-ID": header}
    problem(await api.get(f"{PATH}{query}", headers=headers), 422, "invalid-input")


async def test_events_of_everything_are_told_by_run_stream_type_and_wall_time(api: Api) -> None:
    await api.start("r")
    await api.start("s")
    await api.command("pause", run_id="s", Idempotency_Key="k")
    every = (await api.get("/events")).json()["events"]
    assert [event["position"] for event in every] == list(range(1, len(every) + 1))

    async def told(**query: Any) -> list[int]:
        return [event["position"] for event in (await api.get("/events", params=query)).json()["events"]]

    def expected(stream: str) -> list[int]:
        return [event["position"] for event in every if event["stream"] == stream]

    assert await told(run="s") == expected("run-s")
    assert await told(stream=["run-r", "run-s"]) == sorted(expected("run-r") + expected("run-s"))
    assert len(await told(type="command.answered.1")) == 1
    moment = every[3]["recorded_at"]
    assert await told(**{"from": moment}) == [e["position"] for e in every if e["recorded_at"] >= moment]
    assert await told(to=moment) == [e["position"] for e in every if e["recorded_at"] <= moment]


@pytest.mark.parametrize("moment", ["noon", "2026-03-02T12:00:00"])
async def test_a_wall_time_without_an_offset_is_refused(api: Api, moment: str) -> None:
    response = await api.get("/events", params={"from": moment})
    assert pointers(problem(response, 422, "invalid-input")) == ["/from"]


async def test_a_mistyped_type_is_answered_with_those_like_it(api: Api) -> None:
    answer = problem(await api.get("/events?type=charging.stopped.1"), 422, "invalid-input")
    assert "connector.charging-stopped.1" in answer["faults"][0]["expected"]
    assert "run.ticked.1" not in answer["faults"][0]["expected"]
