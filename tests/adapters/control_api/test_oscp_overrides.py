"""…/overrides and /oscp-override-modes: failures on purpose."""

from __future__ import annotations

from typing import Any

import pytest

from depot_sim.domain.oscp.named_faults import OSCP
from tests.adapters.control_api.client import Api, pointers, problem
from tests.adapters.control_api.oscp import OscpApi, Partner

pytestmark = pytest.mark.anyio


async def test_an_override_is_applied_as_the_design_says(session: OscpApi) -> None:
    response = await session.override({"mode": "reject_heartbeat_with_403", "until": "2026-04-02T10:20:00Z"})
    assert response.status_code == 200, response.text
    answer = response.json()
    assert (answer["session_id"], answer["override_state"]) == (session.session_id, "active")
    (override,) = (await session.get("/overrides")).json()["overrides"]
    assert (override["mode"], override["until"]) == ("reject_heartbeat_with_403", "2026-04-02T10:20:00.000Z")
    assert (override["effect"]["type"], override["seen"], override["hits"]) == ("reject", 0, 0)


async def test_what_an_override_did_is_marked_in_the_ledger(session: OscpApi, partner: Partner) -> None:
    applied = (await session.override({"effect": {"type": "withhold"}, "times": 1})).json()
    await session.command("switch-heartbeats", {"sending": False})
    await session.command("force-state", {"state": "online"})
    for _ in range(2):
        await session.command("send-heartbeat", {})
    assert len(partner.received) == 1
    (wanted,) = await session.messages(has_override="true")
    (plain,) = await session.messages(has_override="false")
    changed_by = [{"id": applied["override_ids"][0], "name": "withhold"}]
    assert (wanted["outcome"], wanted["deliberate"], wanted["changed_by"]) == ("withheld", True, changed_by)
    assert (plain["outcome"], plain["deliberate"], plain["changed_by"]) == ("accepted", False, [])
    assert [one["name"] for one in plain["matched_by"]] == ["force-state"], "the partner finds nothing wrong with it"


async def test_a_message_made_by_hand_is_marked_in_the_ledger(session: OscpApi, partner: Partner) -> None:
    await session.command("send-message", {"message_type": "Heartbeat", "body": {}})
    (entry,) = await session.messages()
    assert (entry["deliberate"], entry["changed_by"][0]["name"]) == (True, "send-message")


@pytest.mark.parametrize("which", ["all", "one"])
async def test_overrides_are_cleared(session: OscpApi, which: str) -> None:
    (override_id,) = (await session.override({"mode": "ignore_heartbeats"})).json()["override_ids"]
    cleared = await session.override({"clear": override_id if which == "one" else "all"})
    assert cleared.json()["override_state"] == "cleared"
    assert (await session.get("/overrides")).json() == {"overrides": []}
    problem(await session.override({"clear": override_id}), 404, "not-found")


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({}, [""]),
        ({"mode": "reject_hartbeat_with_403", "times": 0}, ["/mode", "/times"]),
        ({"effect": {"type": "explode"}}, ["/effect/type"]),
        ({"effect": {"type": "reject", "status": 99}, "match": {"message_types": ["Hello"]}, "x": 1}, None),
    ],
)
async def test_every_fault_of_an_override_is_told_at_once(
    session: OscpApi, body: dict[str, Any], faults: list[str] | None
) -> None:
    answer = problem(await session.override(body), 422, "invalid-input")
    assert sorted(pointers(answer)) == (
        ["/effect/status", "/match/message_types/0", "/x"] if faults is None else faults
    )


async def test_every_mode_is_listed_with_a_sentence_and_can_be_applied(api: Api, session: OscpApi) -> None:
    modes = (await api.get("/oscp-override-modes")).json()["override_modes"]
    assert {mode["name"] for mode in modes} == set(OSCP.modes)
    assert all(mode["sentence"].endswith(".") for mode in modes)
    for mode in modes:
        assert (await session.override({"mode": mode["name"]})).status_code == 200
        await session.override({"clear": "all"})
