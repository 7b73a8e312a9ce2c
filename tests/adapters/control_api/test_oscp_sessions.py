"""…/oscp-sessions: creating, reading, listing and ending sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from depot_sim.bootstrap.service import Service
from depot_sim.domain.kernel.projection import ProjectionHealth, ProjectionStateChanged
from depot_sim.domain.oscp.events import Cause, OscpLifecycleChanged
from depot_sim.domain.oscp.session import stream_of
from depot_sim.domain.oscp.vocabulary import Lifecycle
from tests.adapters.control_api.client import Api, pointers, problem
from tests.adapters.control_api.oscp import CONFIGURATION, OscpApi, Partner, create_session, start_run
from tests.projections.oscp_samples import NOON, accepted, enter, recorded, rejected
from tests.projections.samples import append

pytestmark = pytest.mark.anyio

DESIGN: dict[str, Any] = {
    "managed_scope_id": "scope-grid-1",
    "betterfleet_base_url": "http://bf-manage-core:5001/oscp",
    "remote_configuration_id": CONFIGURATION,
    "group_id": "group-1",
    "measurement_publication_mode": "GROUP",
    "measurement_configuration": "INTERMITTENT",
    "scenario_preset": "connected_baseline",
}


async def test_a_session_is_created_as_the_design_says(api: Api) -> None:
    await start_run(api)
    response = await api.post("/simulation-runs/r/oscp-sessions", DESIGN)
    assert response.status_code == 201, response.text
    created = response.json()
    assert set(created) == {"session_id", "state"}
    assert created["state"] == "offline"
    assert response.headers["location"] == f"/simulation-runs/r/oscp-sessions/{created['session_id']}"


async def test_a_session_is_read_with_all_it_is_bound_to(session: OscpApi, partner: Partner) -> None:
    read = (await session.get()).json()
    assert (read["session_id"], read["run_id"], read["state"]) == (session.session_id, "r", "offline")
    assert (read["remote_configuration_id"], read["betterfleet_base_url"]) == (CONFIGURATION, partner.url)
    assert (read["clock"], read["partner_profile"], read["detached"]) == ("run", "betterfleet-vector", False)
    assert (read["plans"], read["forecasts"], read["open_messages"]) == ([], [], [])


async def test_a_run_lists_its_active_sessions(session: OscpApi, api: Api, partner: Partner) -> None:
    other = await create_session(api, partner.url, remote_configuration_id="other")
    listed = (await api.get("/simulation-runs/r/oscp-sessions")).json()["sessions"]
    assert {each["session_id"] for each in listed} == {session.session_id, other.session_id}
    await session.delete()
    listed = (await api.get("/simulation-runs/r/oscp-sessions")).json()["sessions"]
    assert [each["session_id"] for each in listed] == [other.session_id]


async def test_a_session_that_was_ended_makes_room_for_a_new_one(session: OscpApi, api: Api, partner: Partner) -> None:
    problem(await api.post("/simulation-runs/r/oscp-sessions", DESIGN), 409, "conflict")
    ended = await session.delete()
    assert (ended.status_code, ended.content) == (204, b"")
    assert (await session.get()).json()["detached"] is True
    again = await create_session(api, partner.url)
    assert (await again.get()).json()["detached"] is False


async def test_every_fault_of_a_creation_is_told_at_its_pointer(api: Api) -> None:
    await start_run(api)
    wrong = DESIGN | {"clock": "sundial", "policy": {"stale": "yes"}, "credentials": {"headers": {"A": 1}}, "x": 1}
    body = problem(await api.post("/simulation-runs/r/oscp-sessions", wrong), 422, "invalid-input")
    assert sorted(pointers(body)) == ["/clock", "/credentials/headers/A", "/policy/stale", "/x"]
    wrong = DESIGN | {"managed_scope_id": "nowhere", "betterfleet_base_url": "ftp://x", "partner_profile": "nobody"}
    body = problem(await api.post("/simulation-runs/r/oscp-sessions", wrong), 422, "invalid-input")
    assert sorted(pointers(body)) == ["/betterfleet_base_url", "/managed_scope_id", "/partner_profile"]


async def test_what_is_not_there_is_not_found(api: Api, session: OscpApi) -> None:
    problem(await api.post("/simulation-runs/none/oscp-sessions", DESIGN), 404, "not-found")
    problem(await api.get("/simulation-runs/none/oscp-sessions"), 404, "not-found")
    nowhere = OscpApi(api, "/simulation-runs/r/oscp-sessions/none", "none")
    elsewhere = OscpApi(api, session.path.replace("/r/", "/other/"), session.session_id)
    for one in (nowhere, elsewhere):
        for path in ("", "/messages", "/overrides", "/expectations", "/forecast-plans"):
            problem(await one.get(path), 404, "not-found")
        problem(await one.command("disconnect"), 404, "not-found")
        problem(await one.delete(), 404, "not-found")


async def test_sessions_of_all_runs_are_listed_newest_first_with_filters_and_pages(
    session: OscpApi, api: Api, partner: Partner
) -> None:
    await start_run(api, "s")
    await create_session(api, partner.url, "s", remote_configuration_id="c-2")
    third = await create_session(api, partner.url, "s", remote_configuration_id="c-3")
    await session.go_online()
    await third.delete()

    async def listed(**query: object) -> list[str]:
        sessions = (await api.get("/oscp-sessions", params=query)).json()["sessions"]
        return [each["remote_configuration_id"] for each in sessions]

    assert await listed() == ["c-3", "c-2", CONFIGURATION]
    assert await listed(run="s") == ["c-3", "c-2"]
    assert await listed(active="false") == ["c-3"]
    assert await listed(state="online") == [CONFIGURATION]
    page = (await api.get("/oscp-sessions", params={"limit": 2})).json()
    assert await listed(before=page["next_before"]) == [CONFIGURATION]


async def test_the_list_tells_state_health_last_message_and_last_error(
    api: Api, session: OscpApi, service: Service
) -> None:
    log = service.backend.log
    (before,) = (await api.get("/oscp-sessions")).json()["sessions"]
    assert (before["health"], before["last_message"], before["last_error"]) == ("DOWN", None, None)
    append(
        log,
        stream_of("r", CONFIGURATION),
        OscpLifecycleChanged(NOON, Lifecycle.OFFLINE, Lifecycle.ONLINE, Cause.FORCED, "a test"),
        ProjectionStateChanged(NOON, "r", "oscp", "scope-grid-1", ProjectionHealth.UP),
    )
    mine: dict[str, Any] = {"session_id": session.session_id, "configuration_id": CONFIGURATION}
    wrong = enter(log, recorded("q-1", **mine), rejected(overrides=("o-1",)))
    last = enter(log, recorded("q-2", **mine), accepted())

    (now,) = (await api.get("/oscp-sessions")).json()["sessions"]
    assert (now["state"], now["health"], now["cause"], now["reason"]) == ("online", "UP", "forced", "a test")
    assert (now["active"], now["messages"], now["changed_at"]) == (True, 2, "2026-04-02T12:00:00.000Z")
    assert now["last_message"] == {
        "ledger_entry_id": last,
        "at": "2026-04-02T12:00:00.000Z",
        "direction": "inbound",
        "message_type": "Heartbeat",
        "outcome": "accepted",
    }
    assert now["last_error"] == {
        "ledger_entry_id": wrong,
        "at": "2026-04-02T12:00:00.003Z",
        "error": "heartbeat.in-the-past",
        "deliberate": True,
    }


async def test_partner_profiles_are_listed_with_what_they_say(api: Api) -> None:
    profiles = (await api.get("/oscp-partner-profiles")).json()["partner_profiles"]
    assert [profile["name"] for profile in profiles] == ["betterfleet-vector", "oca-2.0"]
    assert profiles[0]["description"]
    assert profiles[0]["statuses"]["schema"] == 422
    assert profiles[0]["inbound_paths"]["heartbeat"] == "Heartbeat"


async def test_a_viewer_reads_sessions_and_changes_none(guarded: Callable[[str], Api]) -> None:
    viewer = guarded("viewer-token-0123456")
    assert (await viewer.get("/oscp-sessions")).json() == {"sessions": [], "next_before": None}
    problem(await viewer.post("/simulation-runs/r/oscp-sessions", DESIGN), 403, "forbidden")
