"""/simulation-runs/{run_id}/commands."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from depot_sim.domain.run.commands import COMMANDS
from tests.adapters.control_api.client import Api, pointers, problem

pytestmark = pytest.mark.anyio

SOUND: dict[str, dict[str, Any]] = {
    "plug": {"vehicle": "bus-2", "connector": "charger-1/b"},
    "unplug": {"vehicle": "bus-1"},
    "arrive": {"vehicle": "bus-1", "soc": "40 %"},
    "depart": {"vehicle": "bus-2", "returns_after": "90 min", "energy": "60 kWh"},
    "start-charging": {"connector": "charger-1/a"},
    "stop-charging": {"connector": "charger-1/a"},
    "set-soc": {"vehicle": "bus-2", "soc": "55 %"},
    "set-target-soc": {"vehicle": "bus-1", "soc": "80 %"},
    "set-charging-limit": {"connector": "charger-1/a", "limit": "22 kW"},
    "set-availability": {"target": "charger-1", "available": False},
    "fault-charger": {"charger": "charger-1", "code": "Jammed", "duration": "10 min"},
    "clear-charger-fault": {"charger": "charger-1"},
    "set-connector-network": {"connector": "charger-1/a", "online": False},
    "force-sensor-value": {"sensor": "meter", "value": "1.2 MW"},
    "fault-sensor": {"sensor": "meter", "mode": "STUCK", "duration": "5 min"},
    "clear-sensor-fault": {"sensor": "meter"},
    "set-sensor-availability": {"sensor": "meter", "available": False},
    "set-node-limit": {"node": "feeder", "limit": "90 kW"},
    "set-export-limit": {"node": "grid", "limit": "20 kW"},
    "set-fail-safe-limit": {"node": "grid", "limit": None},
    "start-node-outage": {"node": "feeder"},
    "end-node-outage": {"node": "feeder"},
    "apply-forecast": {
        "managed_scope": "site",
        "forecast_id": "f-1",
        "type": "CONSUMPTION",
        "blocks": [{"start": "-15 min", "end": "+90 min", "capacity": "50 kW"}],
    },
    "withdraw-forecast": {"managed_scope": "site", "type": "CONSUMPTION"},
    "set-control-delay": {"delay": "2 min"},
    "set-bess": {"bess": "battery", "control": "LOCAL"},
    "set-bess-soc": {"bess": "battery", "soc": "30 %"},
    "set-pv": {"pv": "roof", "let_through": "50 %"},
    "set-controller-heartbeats": {"controller": "controller", "beating": True, "every": "70 s"},
    "restart-controller": {"controller": "controller"},
    "set-controller-mode": {"controller": "controller", "mode": "ISLANDED"},
}


def test_every_command_of_the_world_is_tried_below() -> None:
    assert set(SOUND) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
async def test_every_command_reaches_the_world_which_carries_it_out_or_says_why_not(api: Api, name: str) -> None:
    await api.start()
    response = await api.command(name, SOUND[name], Idempotency_Key="key")
    if response.status_code == 409:
        assert problem(response, 409, "command-refused")["hint"]
    else:
        assert response.status_code == 200, response.text
        assert response.json()["events"]


async def test_the_clock_is_moved_paused_resumed_and_stopped(api: Api) -> None:
    await api.start()
    assert (await api.command("tick")).json()["at"] == 60_000
    assert (await api.command("advance-to", {"to": "+2 h"})).json()["at"] == 7_200_000
    assert (await api.command("pause")).json()["status"] == "PAUSED"
    problem(await api.command("tick"), 409, "command-refused")
    assert (await api.command("resume", {})).json()["status"] == "RUNNING"
    assert (await api.command("stop")).json()["status"] == "STOPPED"
    problem(await api.command("tick"), 409, "command-refused")
    assert len((await api.get("/simulation-runs/r")).json()["state_sha256"]) == 64


async def test_time_that_goes_backwards_is_refused(api: Api) -> None:
    await api.start()
    await api.tick(10)
    body = problem(await api.command("advance-to", {"to": "+5 min"}), 422, "invalid-input")
    assert pointers(body) == ["/to"]
    assert "forward only" in body["faults"][0]["expected"]


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("set-soc", {"vehicle": "bus-1", "soc": 55}, {"/soc": "without a unit"}),
        ("set-soc", {"vehicle": "bus-1", "soc": "55 kW"}, {"/soc": '"55 kW"'}),
        ("set-soc", {"vehicle": "bus-1", "soc": "155 %"}, {"/soc": "155 %"}),
        ("set-soc", {"vehicel": "bus-1"}, {"/vehicel": "unknown field", "/vehicle": "nothing", "/soc": "nothing"}),
        ("set-node-limit", {"node": "grid"}, {"/limit": "nothing"}),
        ("set-node-limit", {"node": "grid", "limit": "-5 kW"}, {"/limit": '"-5 kW"'}),
        ("fault-sensor", {"sensor": "meter", "mode": "ODD"}, {"/mode": '"ODD"'}),
        ("fault-charger", {"charger": "charger-1", "duration": 5}, {"/duration": "without a unit"}),
        (
            "apply-forecast",
            {
                "managed_scope": "site",
                "forecast_id": "",
                "type": "GENERATION",
                "blocks": [{"start": "2 h", "end": "1 h", "capacity": "1 kW"}],
            },
            {"/forecast_id": "0 characters", "/blocks/0/end": "3600000 ms"},
        ),
        (
            "apply-forecast",
            {
                "managed_scope": "site",
                "forecast_id": "f",
                "type": "FALLBACK_CONSUMPTION",
                "blocks": [{"start": 0, "end": "1 h", "capacity": "-1 kW"}],
            },
            {"/type": "FALLBACK", "/blocks/0/start": "without a unit", "/blocks/0/capacity": "-1 kW"},
        ),
        ("tick", {"count": 0}, {"/count": "0"}),
        ("tick", {"count": "1"}, {"/count": '"1"'}),
        ("pause", {"for": "1 h"}, {"/for": "unknown field"}),
        ("plug", ["bus-1"], {"": "a list"}),
    ],
)
async def test_a_command_that_cannot_be_meant_is_refused_at_its_pointers(
    api: Api, name: str, body: Any, expected: dict[str, str]
) -> None:
    await api.start()
    faults = {
        fault["pointer"]: fault["found"]
        for fault in problem(await api.command(name, body), 422, "invalid-input")["faults"]
    }
    assert set(faults) == set(expected)
    assert all(text in faults[pointer] for pointer, text in expected.items())
    assert (await api.get("/simulation-runs/r")).json()["version"] == 2


async def test_a_command_for_something_unknown_is_not_found_and_an_unknown_command_is_no_route(api: Api) -> None:
    await api.start()
    body = problem(await api.command("start-charging", {"connector": "charger-9/a"}), 404, "not-found")
    assert "charger-9/a" in body["detail"]
    problem(await api.command("levitate", {}), 404, "no-such-route")


async def test_a_body_in_yaml_is_read_as_well(api: Api) -> None:
    await api.start()
    response = await api.command("set-soc", b"vehicle: bus-2\nsoc: 55 %\n", Content_Type="application/yaml")
    assert response.status_code == 200, response.text


async def test_one_key_sent_twenty_times_at_once_has_one_effect(api: Api) -> None:
    await api.start()
    same = {"count": 3}
    answers = await asyncio.gather(*(api.command("tick", same, Idempotency_Key="k") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert (await api.get("/simulation-runs/r")).json()["ticks"] == 3


async def test_a_key_for_another_request_is_refused(api: Api) -> None:
    await api.start()
    await api.command("tick", Idempotency_Key="k")
    body = problem(await api.command("pause", Idempotency_Key="k"), 422, "invalid-input")
    assert pointers(body) == ["/Idempotency-Key"]


async def test_what_was_asked_is_recorded_with_who_asked(api: Api) -> None:
    await api.start()
    await api.command("pause", X_Correlation_ID="c-1", X_Request_ID="q-1")
    await api.command("resume", X_Request_ID="q-2")
    events = (await api.get("/simulation-runs/r/events", params={"type": ["run.paused.1", "run.resumed.1"]})).json()
    assert [event["origin"] for event in events["events"]] == [
        {"actor": "local", "causation_id": "q-1", "correlation_id": "c-1"},
        {"actor": "local", "causation_id": "q-2", "correlation_id": "q-2"},
    ]


@pytest.mark.parametrize("id", ["x" * 201, "two words"])
async def test_an_id_that_cannot_be_kept_is_refused(api: Api, id: str) -> None:
    await api.start()
    assert pointers(problem(await api.command("pause", X_Request_ID=id), 422, "invalid-input")) == ["/X-Request-ID"]


async def test_a_run_held_elsewhere_names_its_holder(api: Api, service: Any) -> None:
    await api.start()
    held = service.host.held("r")
    service.host.drop(held)
    leases = service.host._leases
    leases.release("r", held.writer.token)
    leases.acquire("r", "http://elsewhere:8420", 60)
    body = problem(await api.command("pause"), 409, "run-held-elsewhere")
    assert body["holder"] == "http://elsewhere:8420"
