"""…/messages: the ledger in pages, by filters, and each entry whole."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from depot_sim.bootstrap.service import Service
from depot_sim.domain.oscp.findings import Deviation
from depot_sim.domain.oscp.ledger import UNRESOLVED
from depot_sim.domain.oscp.vocabulary import Direction, MessageType, Outcome
from tests.adapters.control_api.client import Api, pointers, problem
from tests.adapters.control_api.oscp import CONFIGURATION, OscpApi
from tests.projections.oscp_samples import LATE, accepted, enter, finalised, recorded, rejected

pytestmark = pytest.mark.anyio


@pytest.fixture
def ledger(service: Service, session: OscpApi) -> list[str]:
    """Ids of four entries of the session: accepted, rejected, rejected on purpose, failed."""
    log = service.backend.log
    mine: dict[str, Any] = {"session_id": session.session_id, "configuration_id": CONFIGURATION}
    asset = MessageType.UPDATE_ASSET_MEASUREMENTS
    return [
        enter(log, recorded("q-1", Direction.INBOUND, asset, **mine), accepted()),
        enter(log, recorded("q-2", **mine), rejected(deviations=(Deviation("camel-case", "offlineModeAt"),))),
        enter(log, recorded("q-3", correlation_id="k-1", **mine), rejected(overrides=("o-1",))),
        enter(
            log,
            recorded("q-4", Direction.OUTBOUND, correlation_id="k-1", **mine),
            finalised(Outcome.FAILED, 0, error="refused"),
        ),
    ]


async def test_the_ledger_is_read_as_the_design_says(session: OscpApi, ledger: list[str]) -> None:
    response = await session.get("/messages", message_type="UpdateAssetMeasurements")
    (message,) = response.json()["messages"]
    design = {"direction": "inbound", "message_type": "UpdateAssetMeasurements", "outcome": "accepted"}
    assert {name: message[name] for name in design} == design


async def test_a_line_of_the_ledger_says_what_became_of_a_message(session: OscpApi, ledger: list[str]) -> None:
    message = (await session.messages())[2]
    assert message.pop("position") > 0
    assert message == {
        "ledger_entry_id": ledger[1],
        "at": "2026-04-02T12:00:00.000Z",
        "direction": "inbound",
        "message_type": "Heartbeat",
        "outcome": "rejected",
        "deliberate": False,
        "changed_by": [],
        "matched_by": [],
        "validation": "rejected",
        "status": 422,
        "rule": "heartbeat.in-the-past",
        "request_id": "q-2",
        "correlation_id": "",
        "configuration_id": CONFIGURATION,
        "latency_us": 1_500,
        "error": "",
        "findings": 1,
        "deviations": 1,
    }


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ({}, [3, 2, 1, 0]),
        ({"order": "oldest"}, [0, 1, 2, 3]),
        ({"direction": "outbound"}, [3]),
        ({"message_type": "Heartbeat", "direction": "inbound"}, [2, 1]),
        ({"outcome": "rejected"}, [2, 1]),
        ({"outcome": "rejected", "has_override": "false"}, [1]),
        ({"validation": "accepted"}, [0]),
        ({"has_override": "true"}, [2]),
        ({"correlation_id": "k-1"}, [3, 2]),
        ({"request_id": "q-1"}, [0]),
        ({"outcome": "withheld"}, []),
    ],
)
async def test_messages_are_chosen_by_what_they_are(
    session: OscpApi, ledger: list[str], query: dict[str, Any], places: list[int]
) -> None:
    found = [message["ledger_entry_id"] for message in await session.messages(**query)]
    assert found == [ledger[place] for place in places]


@pytest.mark.parametrize(("order", "bound"), [("newest", "before"), ("oldest", "after")])
async def test_pages_follow_each_other_both_ways(session: OscpApi, ledger: list[str], order: str, bound: str) -> None:
    first = (await session.get("/messages", order=order, limit=3)).json()
    rest = (await session.get("/messages", order=order, limit=3, **{bound: first["next"]})).json()
    found = [message["ledger_entry_id"] for page in (first, rest) for message in page["messages"]]
    assert found == (ledger if order == "oldest" else ledger[::-1])
    assert rest["next"] is None


async def test_messages_are_chosen_by_when_they_were_recorded(
    session: OscpApi, ledger: list[str], service: Service
) -> None:
    positions = [message["position"] for message in await session.messages(order="oldest")]
    times = [service.backend.log.read_all(position - 1, 1)[0].recorded_at for position in positions]
    written = [datetime.fromtimestamp(us / 1_000_000, UTC).isoformat() for us in times]
    found = await session.messages(since=written[1], until=written[2], order="oldest")
    assert [message["ledger_entry_id"] for message in found] == ledger[1:3]


async def test_a_bad_question_is_told_with_what_would_do(session: OscpApi) -> None:
    for query, pointer in (
        ({"since": "noon"}, "/since"),
        ({"outcome": "odd"}, "/outcome"),
        ({"has_override": "maybe"}, "/has_override"),
        ({"limit": 0}, "/limit"),
        ({"colour": "red"}, "/colour"),
    ):
        answer = problem(await session.get("/messages", **query), 422, "invalid-input")
        assert pointers(answer) == [pointer]


async def test_a_message_is_read_whole(session: OscpApi, ledger: list[str]) -> None:
    message = (await session.get(f"/messages/{ledger[1]}")).json()
    assert (message["ledger_entry_id"], message["outcome"], message["session_id"]) == (
        ledger[1],
        "rejected",
        session.session_id,
    )
    assert (message["method"], message["url"]) == ("POST", "heartbeat")
    assert message["headers"] == [
        {"name": "content-type", "value": "application/json"},
        {"name": "x-request-id", "value": "q-2"},
    ]
    assert message["body"] == '{"offline_mode_at":"2026-04-02T09:00:00Z"}'
    assert message["answer"] == {"status": 422, "headers": [], "body": ""}
    assert [finding["rule"] for finding in message["findings"]] == [LATE.rule]
    assert message["findings"][0]["pointer"] == "/offline_mode_at"
    assert message["deviations"] == [{"name": "camel-case", "found": "offlineModeAt"}]
    assert message["finalised_at"] == "2026-04-02T12:00:00.003Z"


async def test_a_message_under_way_has_no_answer_yet(service: Service, session: OscpApi) -> None:
    id = enter(service.backend.log, recorded("q-9", Direction.OUTBOUND, session_id=session.session_id))
    message = (await session.get(f"/messages/{id}")).json()
    assert (message["outcome"], message["answer"], message["finalised_at"]) == ("pending", None, None)


async def test_messages_of_no_session_are_kept_apart(api: Api, service: Service, session: OscpApi) -> None:
    id = enter(service.backend.log, recorded("q-1", session_id=UNRESOLVED, run_id=""), rejected())
    assert await session.messages() == []
    (message,) = (await api.get("/oscp-messages/unresolved", params={"outcome": "rejected"})).json()["messages"]
    assert message["ledger_entry_id"] == id
    assert (await api.get(f"/oscp-messages/unresolved/{id}")).json()["request_id"] == "q-1"
    problem(await session.get(f"/messages/{id}"), 404, "not-found")


async def test_an_entry_is_found_in_its_own_session_only(api: Api, session: OscpApi, ledger: list[str]) -> None:
    problem(await session.get("/messages/none"), 404, "not-found")
    problem(await api.get(f"/oscp-messages/unresolved/{ledger[0]}"), 404, "not-found")
