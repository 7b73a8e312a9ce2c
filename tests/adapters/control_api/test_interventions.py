"""…/interventions of a run, /interventions/{id} and …/reset: what was done on purpose is found, and ended at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.adapters.control_api.client import Api, problem
from tests.adapters.control_api.oscp import OscpApi, Partner
from tests.adapters.control_api.packets import FEED
from tests.patience import patient

pytestmark = pytest.mark.anyio

RUN = "/simulation-runs/r"


async def interventions(api: Api, **query: Any) -> list[dict[str, Any]]:
    """The oldest first."""
    answer = await api.get(f"{RUN}/interventions", params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["interventions"]
    return found[::-1]


async def open_feed(api: Api, partner: Partner) -> None:
    asked = {"binding_id": "meters", "managed_scope_id": "scope-grid-1", "endpoint": f"{partner.url}/packets"}
    assert (await api.post(f"{RUN}/packet-feeds", asked)).status_code == 201


async def test_every_kind_of_intervention_is_listed_with_its_beginning_and_end(session: OscpApi, api: Api) -> None:
    await session.command("force-state", {"state": "online", "reason": "to skip the handshake"})
    await session.command("switch-heartbeats", {"sending": False})
    await session.command("send-message", {"message_type": "Heartbeat", "body": {}})
    await session.override({"mode": "ignore_heartbeats", "reason": "to be deaf"})
    await api.tick()
    await session.command("disconnect", {"reason": "handover"})

    found = await interventions(api)
    assert [(one["name"], one["reason"], one["ended_by"]) for one in found] == [
        ("force-state", "to skip the handshake", "over"),
        ("switch-heartbeats", "", "over"),
        ("send-message", "", "done"),
        ("ignore_heartbeats", "to be deaf", None),
        ("disconnect", "handover", None),
    ]
    assert {one["target"] for one in found} == {session.session_id}
    assert found[0]["begun_at"] < found[0]["ended_at"]
    assert [one["name"] for one in await interventions(api, in_force=True)] == ["ignore_heartbeats", "disconnect"]


async def test_an_id_in_an_entry_leads_to_the_intervention_when_it_is_long_over(session: OscpApi, api: Api) -> None:
    await session.command("force-state", {"state": "online"})
    await session.override({"mode": "stop_heartbeats", "times": 1, "reason": "a lost heartbeat"})
    await session.command("send-heartbeat", {})
    await session.delete()
    (entry,) = await session.messages(outcome="withheld")
    found = (await api.get(f"/interventions/{entry['changed_by'][0]['id']}")).json()
    assert (found["name"], found["reason"], found["ended_by"]) == ("stop_heartbeats", "a lost heartbeat", "count")
    assert (found["run_id"], found["override"]["effect"]) == ("r", {"type": "withhold"})
    problem(await api.get("/interventions/nobody"), 404, "not-found")


async def test_a_reset_ends_everything_on_all_targets_of_a_run_at_once(
    session: OscpApi, api: Api, partner: Partner
) -> None:
    await open_feed(api, partner)
    await session.command("force-state", {"state": "online"})
    await session.command("switch-heartbeats", {"sending": False})
    await session.override({"mode": "ignore_heartbeats"})
    expected = {"messages": [{"message_types": ["Heartbeat"]}], "within_ms": 3_600_000}
    waiting = (await session.post("/expectations", expected)).json()
    await api.http.patch(f"{FEED}/overrides", json={"mode": "drop_packets"})
    in_force = await interventions(api, in_force=True)

    answer = await api.post(f"{RUN}/reset")
    assert answer.status_code == 200, answer.text
    reset = {one["kind"]: one for one in answer.json()["reset"]}
    assert {id for one in reset.values() for id in one["interventions"]} == {one["id"] for one in in_force}
    assert reset["oscp-session"]["expectations"] == [waiting["expectation_id"]]
    assert reset["packet-feed"]["target"] == "meters"
    assert await interventions(api, in_force=True) == []
    retired = (await session.get(f"/expectations/{waiting['expectation_id']}")).json()
    assert (retired["verdict"], retired["reason"]) == ("retired", "reset")
    state = (await session.get()).json()
    assert (state["state"], state["sends_heartbeats"]) == ("offline", True), "what was switched is as it was"
    assert (await api.post(f"{RUN}/reset")).json() == {"reset": []}


async def test_a_run_that_is_stopped_or_unknown_has_nothing_to_end(session: OscpApi, api: Api) -> None:
    await session.override({"mode": "ignore_heartbeats"})
    assert (await api.command("stop")).status_code == 200
    async with asyncio.timeout(patient(60)):
        while (await api.get(f"{RUN}/oscp-sessions")).json()["sessions"]:  # noqa: ASYNC110 - it ends soon after its run
            await asyncio.sleep(0.001)
    assert (await api.post(f"{RUN}/reset")).status_code == 200
    problem(await api.post("/simulation-runs/nobody/reset"), 404, "not-found")
    problem(await api.get("/simulation-runs/nobody/interventions"), 404, "not-found")
