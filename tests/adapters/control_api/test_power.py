"""/simulation-runs/{run_id}/power."""

from __future__ import annotations

import pytest

from tests.adapters.control_api.client import Api, pointers, problem

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("query", ["node=grid", "connector=charger-1/a", "charger=charger-1", "scope=site"])
async def test_the_history_of_everything_that_draws_power_ends_where_the_world_is(api: Api, query: str) -> None:
    await api.start()
    await api.tick(95)
    history = (await api.get(f"/simulation-runs/r/power?{query}&resolution=30min")).json()

    assert (history["kind"], history["id"]) == tuple(query.split("="))
    assert [bucket["begin"][11:16] for bucket in history["buckets"]] == ["12:00", "12:30", "13:00", "13:30"]
    assert history["end"][11:16] == "13:35"
    energies = [bucket["energy_wh"] for bucket in history["buckets"]]
    assert energies == sorted(energies) or query in ("node=grid", "scope=site")
    assert all(bucket["min_w"] <= bucket["mean_w"] <= bucket["max_w"] for bucket in history["buckets"])


async def test_a_stretch_is_cut_out_by_moments(api: Api) -> None:
    await api.start()
    await api.tick(120)
    query = {"node": "grid", "from": "+30 min", "to": "2026-03-02T13:30:00Z", "resolution": "1 h"}
    history = (await api.get("/simulation-runs/r/power", params=query)).json()
    assert (history["begin"][11:16], history["end"][11:16], len(history["buckets"])) == ("12:30", "13:30", 1)


async def test_energy_of_the_history_is_that_of_the_register(api: Api) -> None:
    await api.start()
    await api.tick(240)
    history = (await api.get("/simulation-runs/r/power?connector=charger-1/a")).json()
    connector = (await api.get("/simulation-runs/r/chargers/charger-1/connectors/a")).json()
    assert history["buckets"][-1]["energy_wh"] == connector["energy_wh"]


@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("", [""]),
        ("node=grid&scope=site", [""]),
        ("node=grid&resolution=60", ["/resolution"]),
        ("node=grid&resolution=0+s", ["/resolution"]),
        ("node=grid&from=noon", ["/from"]),
        ("node=grid&from=%2B20+min&to=%2B10+min", ["/to"]),
        ("node=grid&until=now", ["/until"]),
    ],
)
async def test_a_history_asked_for_wrongly_says_where(api: Api, query: str, wrong: list[str]) -> None:
    await api.start()
    await api.tick(30)
    assert pointers(problem(await api.get(f"/simulation-runs/r/power?{query}"), 422, "invalid-input")) == wrong


async def test_an_unknown_node_is_not_found_and_the_known_ones_are_told(api: Api) -> None:
    await api.start()
    body = problem(await api.get("/simulation-runs/r/power?node=x"), 404, "not-found")
    assert "feeder" in body["hint"]


async def test_an_end_before_the_beginning_is_told_in_times(api: Api) -> None:
    await api.start(start_time="2026-03-03T16:00:00+01:00")
    answer = problem(await api.get("/simulation-runs/r/power?node=site&from=+2h&to=+1h"), 422, "invalid-input")
    assert answer["faults"] == [
        {
            "pointer": "/to",
            "found": "2026-03-03T17:00:00.000+01:00",
            "expected": "a time from 2026-03-03T18:00:00.000+01:00 on",
        }
    ]
