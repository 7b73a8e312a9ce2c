"""What is done to a session on purpose: messages name it, it ends with what it switched, and says when it is idle."""

from __future__ import annotations

from typing import Any

import pytest

from tests.adapters.control_api.client import Api
from tests.adapters.control_api.oscp import OscpApi, Partner, create_session

pytestmark = pytest.mark.anyio


def names(message: dict[str, Any]) -> list[str]:
    return [one["name"] for one in message["changed_by"]]


async def newest(session: OscpApi, **query: Any) -> dict[str, Any]:
    return (await session.messages(**query))[0]


async def test_a_forced_state_names_itself_in_what_is_refused_for_it(session: OscpApi, partner: Partner) -> None:
    await session.command("switch-heartbeats", {"sending": False})
    await session.command("force-state", {"state": "online", "reason": "to disagree"})
    partner.status = 403
    await session.command("send-heartbeat", {})
    refused = await newest(session)
    assert (refused["outcome"], refused["deliberate"], names(refused)) == ("rejected", True, ["force-state"])
    assert (await session.get()).json()["state"] == "offline"


async def test_a_partner_that_is_out_of_reach_is_an_accident_in_a_forced_state_too(
    session: OscpApi, partner: Partner
) -> None:
    await session.command("switch-heartbeats", {"sending": False})
    await session.command("force-state", {"state": "online"})
    partner.status = 503
    await session.command("send-heartbeat", {})
    failed = await newest(session, has_override="false")
    assert (failed["status"], [one["name"] for one in failed["matched_by"]]) == (503, ["force-state"])


async def test_a_message_made_by_hand_names_its_command(session: OscpApi) -> None:
    await session.command("send-message", {"message_type": "Heartbeat", "body": {}, "reason": "to see"})
    assert names(await newest(session)) == ["send-message"]


async def test_the_mode_of_an_override_that_is_over_still_stands_in_the_entry(session: OscpApi) -> None:
    await session.command("switch-heartbeats", {"sending": False})
    await session.command("force-state", {"state": "online"})
    (override_id,) = (await session.override({"mode": "stop_heartbeats", "times": 1})).json()["override_ids"]
    await session.command("send-heartbeat", {})
    assert (await session.get("/overrides")).json() == {"overrides": []}
    assert (await newest(session))["changed_by"] == [{"id": override_id, "name": "stop_heartbeats"}]


async def test_heartbeats_that_were_held_back_are_sent_again_after_a_disconnect(session: OscpApi) -> None:
    await session.command("force-state", {"state": "online"})
    held_back = await session.command("switch-heartbeats", {"sending": False, "reason": "to be silent"})
    assert not held_back.json()["sends_heartbeats"]
    await session.command("disconnect", {"reason": "handover"})
    assert (await session.get()).json()["sends_heartbeats"], "what was switched ends with the connection it was for"


async def test_a_mode_that_can_never_match_says_so_when_it_is_set(session: OscpApi, api: Api, partner: Partner) -> None:
    answer = (await session.override({"mode": "missing_segment"})).json()
    assert answer["warnings"] == ["no message matches: profile betterfleet-vector has no segments"]
    assert (await session.override({"mode": "stop_heartbeats"})).json()["warnings"] == []
    segments = {"segments": True, "largest_body_bytes": 500}
    split = await create_session(api, partner.url, remote_configuration_id="split", profile_changes=segments)
    assert (await split.override({"mode": "missing_segment"})).json()["warnings"] == []


async def test_a_command_provoked_by_what_is_sent_is_refused(session: OscpApi) -> None:
    outbound = {"effect": {"type": "provoke", "command": "disconnect"}, "match": {"direction": "outbound"}}
    answer = await session.override(outbound)
    assert answer.status_code == 422, "only messages that come provoke one"
