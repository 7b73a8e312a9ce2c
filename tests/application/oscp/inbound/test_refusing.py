"""Messages that reach no session: recorded within bounds, counted, limited."""

from __future__ import annotations

from typing import Any

import pytest

from depot_sim.application.oscp.inbound.arrivals import Reply
from depot_sim.domain.access.refused import HOUR_MS
from depot_sim.domain.kernel.credentials import Credentials, SecretReference
from depot_sim.domain.kernel.events import decode
from depot_sim.domain.oscp.ledger import OscpMessageHandled
from depot_sim.domain.oscp.vocabulary import Lifecycle
from tests.application.oscp.processes import HANDSHAKE, JSON, OscpProcess

KEPT_BYTES = 2_048
MOST_SENDERS = 256

pytestmark = pytest.mark.anyio

LARGE = b'{"filler": "' + b"x" * 999_000 + b'"}'
SECRET = "s3cr3t-of-the-session"
SECURED: dict[str, Any] = {"credentials": Credentials(inbound=SecretReference("env:DEPOT_SIM_SECRET_TOKEN"))}


def handled(process: OscpProcess, session_id: str = "unresolved") -> list[OscpMessageHandled]:
    rows = [row for row in process.store.log.read_all(limit=10_000) if f"-{session_id}-" in row.stream]
    return [event for row in rows if isinstance(event := decode(row.topic, row.state), OscpMessageHandled)]


def kept_bytes(events: list[OscpMessageHandled]) -> int:
    return sum(
        len(event.recorded.body) + sum(len(name) + len(value) for name, value in event.recorded.headers)
        for event in events
    )


async def stranger(process: OscpProcess, body: bytes = LARGE, **changes: Any) -> Reply:
    return await process.receive("heartbeat", body, configuration="nobody's", **changes)


async def test_forty_large_messages_leave_two_kilobytes_and_a_count(process: OscpProcess, session: str) -> None:
    for _ in range(40):
        assert (await stranger(process)).status == 403
    events = handled(process)
    assert 1 <= len(events) <= 16
    assert kept_bytes(events) <= KEPT_BYTES
    assert (events[0].recorded.body_bytes, events[0].recorded.body[:12]) == (len(LARGE), '{"filler": "')
    assert [noted.reason for noted in process.audit.noted] == ["session.unknown-configuration"] * 40


async def test_each_sender_and_hour_has_room_of_its_own(process: OscpProcess, session: str) -> None:
    for _ in range(2):
        for sender in ("10.0.0.8", "10.0.0.9"):
            for _ in range(20):
                await stranger(process, sender=sender)
        process.wall.advance(HOUR_MS * 1_000)
    assert 4 <= len(handled(process)) <= 64
    assert KEPT_BYTES < kept_bytes(handled(process)) <= 4 * KEPT_BYTES


async def test_senders_beyond_the_bound_share_the_room_of_one(process: OscpProcess, session: str) -> None:
    for number in range(MOST_SENDERS + 100):
        await stranger(process, b"{}" * 1_024, sender=f"10.0.{number // 250}.{number % 250}")
    assert len(handled(process)) <= MOST_SENDERS + 16


async def test_messages_without_headers_and_body_are_bounded_too(process: OscpProcess, session: str) -> None:
    for _ in range(100):
        await stranger(process, b"", id="1", headers=())
    assert len(handled(process)) <= KEPT_BYTES // 128


async def test_endless_headers_are_left_out_and_ids_are_shortened(process: OscpProcess, session: str) -> None:
    endless = ("x-endless", "y" * 60_000)
    await process.receive("heartbeat", b"{}", id="i" * 5_000, configuration="c" * 5_000, headers=(JSON, endless))
    (event,) = handled(process)
    assert JSON in event.recorded.headers
    assert len(str(event)) < 4_000


async def test_beyond_the_limit_the_answer_is_429_and_nothing_is_recorded(process: OscpProcess, session: str) -> None:
    process.limit.wait = 7
    reply = await stranger(process)
    assert reply.status == 429
    assert dict(reply.headers)["retry-after"] == "7"
    assert handled(process) == []
    assert [(noted.route, noted.reason) for noted in process.audit.noted] == [("heartbeat", "rate")]


async def test_messages_of_a_session_are_never_counted(process: OscpProcess, session: str) -> None:
    assert await process.status("handshake", HANDSHAKE) == 204
    assert await process.status("heartbeat", b"no JSON") != 204
    assert process.limit.asked == []
    assert process.audit.noted == []


async def test_a_session_without_credentials_is_closed_to_what_comes_from_elsewhere(
    process: OscpProcess, session: str
) -> None:
    reply = await process.receive("handshake", HANDSHAKE, requires_credentials=True)
    assert reply.status == 403
    assert b"no inbound credentials" in reply.body
    (event,) = handled(process, session)
    assert event.finalised.rule == "credentials.required"
    assert (await process.sessions.get(session)).session.lifecycle is Lifecycle.OFFLINE
    assert await process.status("handshake", HANDSHAKE) == 204


async def test_a_closed_session_s_ledger_is_bounded_too(process: OscpProcess, session: str) -> None:
    for _ in range(100):
        await process.receive("handshake", LARGE, requires_credentials=True)
    assert kept_bytes(handled(process, session)) <= KEPT_BYTES


async def test_an_override_does_not_open_a_closed_session(process: OscpProcess, session: str) -> None:
    await process.override(session, mode="accept_heartbeat_in_any_state")
    assert await process.status("heartbeat", process.heartbeat(), requires_credentials=True) == 403
    assert await process.status("heartbeat", process.heartbeat()) == 204


async def test_a_wrong_token_is_counted_limited_and_recorded_without_most_of_its_body(process: OscpProcess) -> None:
    process.secrets.secrets["env:DEPOT_SIM_SECRET_TOKEN"] = "s3cr3t"
    await process.start()
    session = await process.attach(**SECURED)
    shown = ("authorization", "Token another")
    assert await process.status("handshake", LARGE, headers=(JSON, shown), requires_credentials=True) == 403
    (event,) = handled(process, session)
    assert len(event.recorded.body) <= KEPT_BYTES
    assert [noted.reason for noted in process.audit.noted] == ["credentials.refused"]
    process.limit.wait = 3
    assert await process.status("handshake", HANDSHAKE, headers=(JSON, shown), requires_credentials=True) == 429
    right = (JSON, ("authorization", "Token s3cr3t"))
    assert await process.status("handshake", HANDSHAKE, headers=right, requires_credentials=True) == 204


WRONG = ("authorization", "Token another")


async def secured(process: OscpProcess) -> str:
    """A session whose messages show a token."""
    process.secrets.secrets["env:DEPOT_SIM_SECRET_TOKEN"] = SECRET
    await process.start()
    return await process.attach(**SECURED)


async def test_messages_with_a_wrong_token_have_the_room_of_other_refused_messages(process: OscpProcess) -> None:
    session = await secured(process)
    endless = ("x-endless", "y" * 60_000)
    for number in range(40):
        reply = await process.receive("heartbeat", LARGE, id=f"h-{number}", headers=(JSON, WRONG, endless))
        assert reply.status == 403
        assert b"another token" in reply.body
    events = handled(process, session)
    assert 1 <= len(events) <= KEPT_BYTES // 128
    assert kept_bytes(events) <= KEPT_BYTES
    assert len(process.audit.noted) == 40
    assert len(process.events_of(session)) < 40


@pytest.mark.parametrize("header", ["id", "correlation"])
async def test_what_a_wrong_token_comes_with_is_recorded_within_a_few_kilobytes(
    process: OscpProcess, header: str
) -> None:
    session = await secured(process)
    odd: dict[str, Any] = {header: "i" * 60_000}
    long = ("content-type", "t" * 60_000)
    assert await process.status("heartbeat", LARGE, headers=(long, WRONG), **odd) == 403
    rows = [row for row in process.store.log.read_all(limit=10_000) if session in row.stream]
    assert max(len(row.state) for row in rows) < 10_000


@pytest.mark.parametrize(
    ("header", "value"),
    [("id", "i" * 201), ("id", "two words"), ("id", "n\u00e4chste"), ("correlation", "c" * 201)],
)
async def test_what_is_no_id_is_refused_and_names_no_entry(
    process: OscpProcess, session: str, header: str, value: str
) -> None:
    odd: dict[str, Any] = {header: value}
    assert await process.status("handshake", HANDSHAKE, **odd) == 422
    (event,) = handled(process, session)
    assert f"header.x-{'request' if header == 'id' else 'correlation'}-id.form" == event.finalised.rule
    assert value not in (event.recorded.request_id, event.recorded.correlation_id)
    assert event.recorded.request_id


@pytest.mark.parametrize("wrong", [False, True], ids=["of the session", "with a wrong token"])
async def test_a_known_secret_is_recorded_nowhere(process: OscpProcess, wrong: bool) -> None:
    session = await secured(process)
    shown = WRONG if wrong else ("authorization", f"Token {SECRET}")
    path = "heartbeat"
    type = ("content-type", f"text/{SECRET}")
    replies = [
        await process.receive(path, SECRET.encode(), id=f"{SECRET}{n}", correlation=SECRET, headers=(type, shown))
        for n in range(2)
    ]
    assert SECRET not in log_text(process)
    assert not any(SECRET.encode() in reply.body for reply in replies)
    events = handled(process, session)
    assert len({event.recorded.request_id for event in events}) == 2
    assert "***" in events[0].recorded.correlation_id


@pytest.mark.parametrize("before", ["", "c" * 90], ids=["alone", "where the text is cut"])
async def test_a_known_secret_is_recorded_nowhere_by_a_message_of_no_session(process: OscpProcess, before: str) -> None:
    await secured(process)
    for n in range(2):
        reply = await process.receive(
            "heartbeat", SECRET.encode(), id=f"{SECRET}{n}", correlation=SECRET, configuration=f"{before}{SECRET}"
        )
        assert SECRET[:8].encode() not in reply.body
    assert SECRET[:8] not in log_text(process)
    assert len({event.recorded.request_id for event in handled(process)}) == 2


def log_text(process: OscpProcess) -> str:
    """All that is recorded of messages, with the names of their streams."""
    rows = process.store.log.read_all(limit=10_000)
    return "\n".join(f"{row.stream} {bytes(row.state)!r}" for row in rows if "oscp-message-" in row.stream)
