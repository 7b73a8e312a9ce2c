"""…/oscp-sessions/{session_id}/commands and forecast-plans: what a session is told to send or to be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.adapters.control_api.client import pointers, problem
from tests.adapters.control_api.oscp import CONFIGURATION, OscpApi, Partner

pytestmark = pytest.mark.anyio

BLOCK = {
    "capacity": 500.0,
    "phase": "ALL",
    "unit": "KW",
    "start_time": "2026-04-02T10:00:00Z",
    "end_time": "2026-04-02T10:15:00Z",
}
FORECAST = {"type": "CONSUMPTION", "forecasted_blocks": [BLOCK]}


async def test_a_handshake_is_sent_as_the_design_says(session: OscpApi, partner: Partner) -> None:
    response = await session.command("send-handshake", {"heartbeat_interval_seconds": 5})
    assert response.status_code == 200, response.text
    sent = response.json()
    assert sent["state"] == "awaiting_handshake_acknowledge"
    (received,) = partner.received
    assert received.path == "/oscp/fp/2.0/handshake"
    assert received.headers["x-oscp-configuration-id"] == CONFIGURATION
    (message,) = await session.messages()
    assert (message["ledger_entry_id"], message["message_type"]) == (sent["ledger_entry_id"], "Handshake")


async def test_a_forecast_is_sent_as_the_design_says(session: OscpApi, partner: Partner) -> None:
    await session.go_online()
    response = await session.command("send-forecast", FORECAST)
    assert response.status_code == 200, response.text
    assert response.json()["delivery_status"] == "accepted"
    (block,) = json.loads(partner.received[-1].body)["forecasted_blocks"]
    assert (block["capacity"], block["unit"]) == (500.0, "KW")


async def test_several_forecasts_are_sent_in_order(session: OscpApi, partner: Partner) -> None:
    await session.go_online()
    types = ["CONSUMPTION", "FALLBACK_CONSUMPTION"]
    response = await session.command("send-forecast-set", {"forecasts": [FORECAST | {"type": type} for type in types]})
    assert [sent["delivery_status"] for sent in response.json()] == ["accepted", "accepted"]
    sent = [json.loads(each.body) for each in partner.received if "forecast" in each.path]
    assert [body["type"] for body in sent] == types


async def test_a_heartbeat_is_sent_at_will(session: OscpApi, partner: Partner) -> None:
    await session.go_online()
    response = await session.command("send-heartbeat", {"offline_mode_at": "2027-01-01T00:00:00Z"})
    assert response.json()["delivery_status"] == "accepted"
    assert any("2027-01-01T00:00:00.000Z" in each.body for each in partner.received)


async def test_any_message_is_sent_as_it_was_made_by_hand(session: OscpApi, partner: Partner) -> None:
    body = {"message_type": "Heartbeat", "raw_body": "{not json", "headers": {"X-Odd": "1", "X-Request-ID": None}}
    response = await session.command("send-message", body)
    assert response.status_code == 200, response.text
    (received,) = partner.received
    assert (received.body, received.headers["x-odd"]) == ("{not json", "1")
    assert "x-request-id" not in received.headers


async def test_what_the_partner_refuses_is_told_with_its_status(session: OscpApi, partner: Partner) -> None:
    await session.go_online()
    partner.status = 422
    answer = (await session.command("send-forecast", FORECAST)).json()
    assert (answer["delivery_status"], answer["status"]) == ("rejected", 422)


async def test_a_partner_out_of_reach_is_told_with_the_reason(session: OscpApi) -> None:
    await session.api.http.delete(session.path)
    body = {
        "managed_scope_id": "scope-grid-1",
        "betterfleet_base_url": "http://127.0.0.1:9/oscp",
        "remote_configuration_id": CONFIGURATION,
        "group_id": "group-1",
    }
    assert (await session.api.post("/simulation-runs/r/oscp-sessions", body)).status_code == 201
    answer = (await session.command("send-message", {"message_type": "Heartbeat", "body": {}})).json()
    assert (answer["delivery_status"], answer["status"]) == ("failed", 0)
    assert answer["error"]


async def test_a_session_is_put_into_a_state_and_disconnected(session: OscpApi) -> None:
    forced = await session.command("force-state", {"state": "degraded", "reason": "a test"})
    assert (forced.status_code, forced.json()["state"]) == (200, "degraded")
    assert (await session.command("disconnect")).json()["state"] == "offline"
    assert (await session.command("switch-heartbeats", {"sending": False})).json()["sends_heartbeats"] is False


async def test_what_the_protocol_forbids_now_is_refused_with_what_to_do(session: OscpApi) -> None:
    assert "online" in problem(await session.command("send-forecast", FORECAST), 409, "command-refused")["hint"]


@pytest.mark.parametrize(
    ("name", "body", "faults"),
    [
        ("send-handshake", {"heartbeat_interval_seconds": "5"}, ["/heartbeat_interval_seconds"]),
        ("send-handshake", {"heartbeat_interval_seconds": 0}, ["/heartbeat_interval_seconds"]),
        ("send-heartbeat", {"offline_mode_at": "soon"}, ["/offline_mode_at"]),
        ("send-forecast", {"type": "WISH", "colour": 1}, ["/colour", "/type"]),
        (
            "send-forecast",
            {"forecasted_blocks": [BLOCK | {"end_time": "2026-04-02T09:00:00Z", "capacity": True}]},
            ["/forecasted_blocks/0/capacity", "/forecasted_blocks/0/end_time"],
        ),
        ("send-forecast-set", {}, ["/forecasts"]),
        ("send-message", {"message_type": "Hello", "headers": {"a": 1}}, ["/headers/a", "/message_type"]),
        ("force-state", {"state": "happy"}, ["/state"]),
        ("switch-heartbeats", {}, ["/sending"]),
    ],
)
async def test_every_fault_of_a_command_is_told_at_its_pointer(
    session: OscpApi, name: str, body: dict[str, Any], faults: list[str]
) -> None:
    await session.go_online()
    assert sorted(pointers(problem(await session.command(name, body), 422, "invalid-input"))) == faults


async def test_a_forecast_is_planned_listed_and_called_off(session: OscpApi) -> None:
    plan = {"forecast": FORECAST, "at": "2030-01-01T00:00:00Z", "every": "15 min", "times": 4}
    planned = await session.post("/forecast-plans", plan)
    assert planned.status_code == 201, planned.text
    plan_id = planned.json()["plan_id"]
    assert planned.headers["location"] == f"{session.path}/forecast-plans/{plan_id}"
    (listed,) = (await session.get("/forecast-plans")).json()["forecast_plans"]
    assert (listed["due"], listed["every_ms"], listed["times"]) == ("2030-01-01T00:00:00.000Z", 900_000, 4)

    assert (await session.delete(f"/forecast-plans/{plan_id}")).status_code == 204
    assert (await session.get("/forecast-plans")).json() == {"forecast_plans": []}
    problem(await session.delete(f"/forecast-plans/{plan_id}"), 404, "not-found")


async def test_an_impossible_plan_is_told_with_its_fault(session: OscpApi) -> None:
    wrong = {"forecast": FORECAST, "at": "tomorrow"}
    assert pointers(problem(await session.post("/forecast-plans", wrong), 422, "invalid-input")) == ["/at"]
