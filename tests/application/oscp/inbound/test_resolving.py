"""Which session a request is for; and what is for nobody is recorded all the same."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from depot_sim.domain.kernel.credentials import Credentials, SecretReference
from depot_sim.domain.kernel.events import decode
from depot_sim.domain.oscp.ledger import OscpMessageHandled
from depot_sim.domain.oscp.vocabulary import Lifecycle, Outcome
from tests.application.oscp.processes import HANDSHAKE, JSON, OscpProcess

pytestmark = pytest.mark.anyio

SECURED: dict[str, Any] = {"credentials": Credentials(inbound=SecretReference("env:DEPOT_SIM_SECRET_TOKEN"))}


def unresolved(process: OscpProcess) -> list[Any]:
    """Events of the messages that belong to no session."""
    rows = process.store.log.read_all(limit=10_000)
    return [decode(row.topic, row.state) for row in rows if row.stream.startswith("oscp-message-unresolved-")]


@pytest.mark.parametrize(
    ("configuration", "headers", "rule"),
    [
        ("nobody's", (JSON,), "session.unknown-configuration"),
        ("", (JSON, ("authorization", "Token s3cr3t")), "session.unknown-token"),
        ("", (JSON,), "session.not-named"),
    ],
)
async def test_a_message_for_nobody_is_refused_and_recorded(
    process: OscpProcess, session: str, configuration: str, headers: Any, rule: str
) -> None:
    reply = await process.receive("handshake", HANDSHAKE, id="h-1", configuration=configuration, headers=headers)
    assert reply.status == 403
    assert msgspec.json.decode(reply.body)["message"]
    (handled,) = unresolved(process)
    assert isinstance(handled, OscpMessageHandled)
    recorded, finalised = handled.recorded, handled.finalised
    assert (recorded.request_id, recorded.body) == ("h-1", HANDSHAKE.decode())
    assert (finalised.outcome, finalised.rule, finalised.answer.status) == (Outcome.REJECTED, rule, 403)
    assert "s3cr3t" not in str(recorded)


async def test_messages_for_nobody_are_recorded_one_by_one(process: OscpProcess) -> None:
    for _ in range(3):
        await process.receive("handshake", HANDSHAKE, id="the same", configuration="nobody's")
    assert len(unresolved(process)) == 3


@pytest.mark.parametrize("configuration", ["nobody's", None])
async def test_a_path_that_is_none_is_not_found_and_tells_the_ones_there_are(
    process: OscpProcess, session: str, configuration: str | None
) -> None:
    given: dict[str, Any] = {} if configuration is None else {"configuration": configuration}
    reply = await process.receive("update_everything", **given)
    assert reply.status == 404
    assert b"handshake_acknowledge" in reply.body
    assert unresolved(process) == []
    assert process.outcomes(session) == []


@pytest.mark.parametrize(
    ("authorization", "status", "rule"),
    [
        ("Token s3cr3t", 204, ""),
        ("Bearer s3cr3t", 204, ""),
        ("s3cr3t", 204, ""),
        ("Token another", 403, "credentials.refused"),
        ("", 403, "credentials.missing"),
    ],
)
async def test_a_session_with_a_token_wants_to_see_it(
    process: OscpProcess, authorization: str, status: int, rule: str
) -> None:
    process.secrets.secrets["env:DEPOT_SIM_SECRET_TOKEN"] = "s3cr3t"
    await process.start()
    session = await process.attach(**SECURED)
    headers = (JSON, ("authorization", authorization)) if authorization else (JSON,)
    assert await process.status("handshake", HANDSHAKE, headers=headers) == status
    finalised = process.entries(session)[-1].state.finalised
    assert finalised is not None
    assert finalised.rule == rule
    assert (process.state(session) is Lifecycle.OFFLINE) == (status == 403)


async def test_a_token_that_cannot_be_read_any_more_lets_nobody_in(process: OscpProcess) -> None:
    process.secrets.secrets["env:DEPOT_SIM_SECRET_TOKEN"] = "s3cr3t"
    await process.start()
    await process.attach(**SECURED)
    del process.secrets.secrets["env:DEPOT_SIM_SECRET_TOKEN"]
    headers = (JSON, ("authorization", "Token s3cr3t"))
    assert await process.status("handshake", HANDSHAKE, headers=headers) == 403


RIGHT, WRONG = (JSON, ("authorization", "Token s3cr3t")), (JSON, ("authorization", "Token another"))


async def secured(process: OscpProcess, **changes: Any) -> str:
    process.secrets.secrets["env:DEPOT_SIM_SECRET_TOKEN"] = "s3cr3t"
    await process.start()
    return await process.attach(**SECURED, **changes)


@pytest.mark.parametrize("shown", [(JSON,), WRONG], ids=["none", "wrong"])
@pytest.mark.parametrize("is_forgotten", [False, True], ids=["remembered", "from-the-log"])
async def test_an_earlier_answer_is_not_for_a_sender_without_the_token(
    process: OscpProcess, shown: Any, is_forgotten: bool
) -> None:
    session = await secured(process)
    assert await process.status("handshake", HANDSHAKE, id="q1", headers=RIGHT) == 204
    if is_forgotten:
        process.sessions.forget(session)
    for _ in range(2):
        reply = await process.receive("handshake", HANDSHAKE, id="q1", headers=shown)
        assert reply.status == 403
        assert b"credentials." in reply.body
    assert await process.status("handshake", HANDSHAKE, id="q1", headers=RIGHT) == 204
    assert process.outcomes(session) == ["accepted", "rejected", "rejected"]


@pytest.mark.parametrize("shown", [(JSON,), WRONG], ids=["none", "wrong"])
@pytest.mark.parametrize("body", [HANDSHAKE, b"{"], ids=["the-same-body", "another-body"])
async def test_a_request_refused_for_credentials_leaves_its_id_free(
    process: OscpProcess, shown: Any, body: bytes
) -> None:
    session = await secured(process)
    assert await process.status("handshake", body, id="q2", headers=shown) == 403
    assert await process.status("handshake", HANDSHAKE, id="q2", headers=RIGHT) == 204
    assert process.state(session) is Lifecycle.ACCEPTING_HANDSHAKE
    assert process.outcomes(session) == ["rejected", "accepted"]


async def test_with_and_without_the_token_at_once_each_gets_its_own_answer(process: OscpProcess) -> None:
    session = await secured(process)
    replies = await asyncio.gather(
        *(process.status("handshake", HANDSHAKE, id="q3", headers=shown) for shown in (WRONG, RIGHT) * 10)
    )
    assert replies == [403, 204] * 10
    assert sorted(process.outcomes(session)) == ["accepted"] + ["rejected"] * 10


async def test_where_the_profile_does_not_refuse_for_credentials_a_repeated_message_is_one_entry(
    process: OscpProcess,
) -> None:
    session = await secured(process, profile_changes={"statuses": {"credentials": None}})
    for _ in range(2):
        assert await process.status("handshake", HANDSHAKE, id="q4", headers=WRONG) == 204
    assert process.outcomes(session) == ["accepted"]
