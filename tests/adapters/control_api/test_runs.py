"""/simulation-runs: starting, listing, reading."""

from __future__ import annotations

from typing import Any

import pytest

from tests.adapters.control_api.client import Api, pointers, problem
from tests.domain.configuration.samples import depot

pytestmark = pytest.mark.anyio


async def test_a_run_is_started_and_read(api: Api) -> None:
    started = await api.start(seed=7, start_time="2026-03-02T12:00:00+10:00")
    assert started.headers["location"] == "/simulation-runs/r"
    assert started.json() == {
        "run_id": "r",
        "status": "RUNNING",
        "time": "2026-03-02T12:00:00.000+10:00",
        "at": 0,
        "version": 2,
    }

    await api.tick(90)
    run = (await api.get("/simulation-runs/r")).json()
    assert run["time"] == "2026-03-02T13:30:00.000+10:00"
    assert (run["seed"], run["tick_ms"], run["ticks"], run["clock"]) == (7, 60_000, 90, "MANUAL")
    assert (run["name"], run["holder"], run["state_sha256"]) == ("Sample", "here", None)


async def test_a_run_is_pinned_to_the_version_it_was_started_on(api: Api) -> None:
    id = await api.create()
    path = f"/simulation-configurations/{id}"
    await api.http.put(path, json=depot(("/name", "Second")), headers={"If-Match": "*"})
    await api.start("new", configuration_id=id)
    await api.start("old", configuration_id=id, configuration_version=1)
    names = [(await api.get(f"/simulation-runs/{run}")).json()["name"] for run in ("new", "old")]
    assert names == ["Second", "Sample"]


async def test_a_run_starts_on_a_monday_at_noon_unless_told(api: Api) -> None:
    assert (await api.start()).json()["time"] == "2026-03-02T12:00:00.000+00:00"


@pytest.mark.parametrize(("speed", "ppm"), [("2", 2_000_000), (2, 2_000_000), ("1.5", 1_500_000)])
async def test_a_speed_is_a_whole_number_or_any_number_as_text(api: Api, speed: str | int, ppm: int) -> None:
    await api.start(clock={"mode": "MANUAL", "speed": speed})
    assert (await api.get("/simulation-runs/r")).json()["speed_ppm"] == ppm


@pytest.mark.parametrize("speed", [0, -1, 100_001, "0", "0.0000001", "fast", "", "1,5"])
async def test_an_impossible_speed_is_told_with_what_would_do(api: Api, speed: str | int) -> None:
    body = {"configuration_id": await api.create(), "clock": {"speed": speed}}
    answer = problem(await api.post("/simulation-runs", body), 422, "invalid-input")
    assert pointers(answer) == ["/clock/speed"]
    assert "a number above 0 and up to 100000" in str(answer)


@pytest.mark.parametrize("speed", [True, None, [1], 1.5])
async def test_a_speed_of_another_kind_is_told_at_its_pointer(api: Api, speed: Any) -> None:
    body = {"configuration_id": await api.create(), "clock": {"speed": speed}}
    answer = problem(await api.post("/simulation-runs", body), 422, "invalid-input")
    assert pointers(answer) == ["/clock/speed"]
    assert "text or a whole number" in str(answer)


async def test_every_fault_of_a_start_is_told_at_its_pointer(api: Api) -> None:
    body = {
        "configuration_id": 7,
        "seed": "seven",
        "tick": 60,
        "clock": {"mode": "SLOW", "speed": "1"},
        "colour": "red",
    }
    answer = problem(await api.post("/simulation-runs", body), 422, "invalid-input")
    assert sorted(pointers(answer)) == ["/clock/mode", "/colour", "/configuration_id", "/seed", "/tick"]
    by_pointer = {fault["pointer"]: fault for fault in answer["faults"]}
    assert "without a unit" in by_pointer["/tick"]["found"]
    assert answer["hint"]


async def test_what_a_start_must_mean_is_told_as_well(api: Api) -> None:
    body = {"configuration_id": await api.create(), "start_time": "noon", "tick": "2 h", "clock": {"speed": "0"}}
    answer = problem(await api.post("/simulation-runs", body), 422, "invalid-input")
    assert pointers(answer) == ["/tick", "/start_time", "/clock/speed"]


async def test_a_second_start_is_a_conflict(api: Api) -> None:
    await api.start()
    body = {"configuration_id": await api.create(), "run_id": "r"}
    answer = problem(await api.post("/simulation-runs", body), 409, "conflict")
    assert "started already" in answer["detail"]


async def test_a_start_on_nothing_is_not_found(api: Api) -> None:
    problem(await api.post("/simulation-runs", {"configuration_id": "none"}), 404, "not-found")
    id = await api.create()
    body = {"configuration_id": id, "configuration_version": 2}
    problem(await api.post("/simulation-runs", body), 404, "not-found")


async def test_lists_show_what_has_just_happened_filtered_and_page_by_page(api: Api) -> None:
    for run_id in ("a", "b", "c"):
        await api.start(run_id)
    await api.command("pause", run_id="b")
    await api.command("stop", run_id="c")

    listed = (await api.get("/simulation-runs")).json()["runs"]
    assert [(run["id"], run["status"]) for run in listed] == [("c", "STOPPED"), ("b", "PAUSED"), ("a", "RUNNING")]
    paused = (await api.get("/simulation-runs", params={"status": "PAUSED"})).json()["runs"]
    assert [run["id"] for run in paused] == ["b"]

    page = (await api.get("/simulation-runs", params={"limit": 2})).json()
    rest = (await api.get("/simulation-runs", params={"limit": 2, "before": page["next_before"]})).json()
    assert ([run["id"] for run in rest["runs"]], rest["next_before"]) == (["a"], None)


async def test_a_list_with_an_unknown_status_says_which_there_are(api: Api) -> None:
    answer = problem(await api.get("/simulation-runs?status=LATE"), 422, "invalid-input")
    assert answer["faults"][0]["expected"] == "one of RUNNING, PAUSED, STOPPED"


async def test_an_unknown_run_is_not_found_anywhere(api: Api) -> None:
    for path in ("", "/world", "/vehicles", "/vehicles/v", "/chargers/c/connectors/1", "/power?node=n", "/events"):
        problem(await api.get(f"/simulation-runs/none{path}"), 404, "not-found")
    problem(await api.command("pause", run_id="none"), 404, "not-found")


async def test_nobody_holds_a_run_that_is_stopped(api: Api) -> None:
    await api.start()
    assert (await api.get("/simulation-runs/r")).json()["holder"] == "here"
    await api.command("stop")
    assert (await api.get("/simulation-runs/r")).json()["holder"] is None
