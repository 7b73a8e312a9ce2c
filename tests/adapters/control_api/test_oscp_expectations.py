"""…/expectations: raised, waited for, settled, retired."""

from __future__ import annotations

import asyncio

import pytest

from tests.adapters.control_api.client import pointers, problem
from tests.adapters.control_api.oscp import OscpApi
from tests.patience import patient

pytestmark = pytest.mark.anyio

HEARTBEAT_SENT = {"direction": "outbound", "message_types": ["Heartbeat"]}
EXPECTED = {"messages": [HEARTBEAT_SENT], "within_ms": 60_000, "title": "a heartbeat"}


async def test_an_expectation_is_raised_read_and_listed(session: OscpApi) -> None:
    raised = await session.post("/expectations", EXPECTED)
    assert raised.status_code == 201, raised.text
    id = raised.json()["expectation_id"]
    assert raised.headers["location"] == f"{session.path}/expectations/{id}"
    read = (await session.get(f"/expectations/{id}")).json()
    assert (read["verdict"], read["title"], read["settled_at"]) == ("waiting", "a heartbeat", None)
    listed = (await session.get("/expectations")).json()["expectations"]
    assert [each["expectation_id"] for each in listed] == [id]


async def test_who_waits_is_answered_the_moment_the_verdict_is_known(session: OscpApi) -> None:
    id = (await session.post("/expectations", EXPECTED)).json()["expectation_id"]
    waiting = asyncio.create_task(session.get(f"/expectations/{id}", wait=60))
    await session.command("send-message", {"message_type": "Heartbeat", "body": {}})
    async with asyncio.timeout(patient(60)):
        met = (await waiting).json()
    assert met["verdict"] == "met"
    (message,) = await session.messages()
    assert met["met_by"] == [message["ledger_entry_id"]]


async def test_a_wait_ends_without_a_verdict(session: OscpApi) -> None:
    id = (await session.post("/expectations", EXPECTED)).json()["expectation_id"]
    assert (await session.get(f"/expectations/{id}", wait=1)).json()["verdict"] == "waiting"
    for wait in (-1, 61, "long"):
        answer = problem(await session.get(f"/expectations/{id}", wait=wait), 422, "invalid-input")
        assert pointers(answer) == ["/wait"]


async def test_a_forbidden_message_misses_the_expectation(session: OscpApi) -> None:
    id = (await session.post("/expectations", EXPECTED | {"never": True})).json()["expectation_id"]
    await session.command("send-message", {"message_type": "Heartbeat", "body": {}})
    missed = (await session.get(f"/expectations/{id}")).json()
    assert (missed["verdict"], missed["reason"]) == ("missed", "forbidden")


async def test_an_expectation_is_called_off(session: OscpApi) -> None:
    id = (await session.post("/expectations", EXPECTED)).json()["expectation_id"]
    retired = await session.delete(f"/expectations/{id}")
    assert (retired.status_code, retired.json()["verdict"]) == (200, "retired")
    problem(await session.delete(f"/expectations/{id}"), 409, "conflict")
    for path in ("/expectations/none",):
        problem(await session.get(path), 404, "not-found")
        problem(await session.delete(path), 404, "not-found")


async def test_every_fault_of_an_expectation_is_told_at_once(session: OscpApi) -> None:
    wrong = {"messages": [{"message_types": ["Hello"], "count": 0}], "within_ms": 60_000, "clock": "sun"}
    answer = problem(await session.post("/expectations", wrong), 422, "invalid-input")
    assert sorted(pointers(answer)) == ["/clock", "/messages/0/count", "/messages/0/message_types/0"]


async def test_an_expectation_that_needs_a_session_online_is_closed_at_once_when_it_is_offline(
    session: OscpApi,
) -> None:
    raised = (await session.post("/expectations", EXPECTED | {"requires_online": True})).json()
    closed = ("retired", "it needs a target that is online, and this one is offline")
    assert (raised["verdict"], raised["reason"]) == closed
    read = (await session.get(f"/expectations/{raised['expectation_id']}", wait=60)).json()
    assert (read["verdict"], read["reason"]) == closed


async def test_the_messages_nearest_to_any_message_are_told_without_an_expectation(session: OscpApi) -> None:
    asked = {"direction": "outbound", "message_types": ["Handshake"], "outcomes": ["accepted"]}
    assert (await session.post("/expectations/nearest", asked)).json() == {"nearest": []}
    assert (await session.post("/commands/send-handshake", {})).status_code < 300
    (near,) = (await session.post("/expectations/nearest", asked)).json()["nearest"]
    compared = {field["field"]: field["matched"] for field in near["fields"]}
    assert (compared["direction"], compared["message_type"]) == (True, True)
    assert (await session.get("/expectations")).json()["expectations"] == []
    wrong = await session.post("/expectations/nearest", {"message_types": ["Handshaek"]})
    assert pointers(problem(wrong, 422, "invalid-input")) == ["/message_types/0"]
