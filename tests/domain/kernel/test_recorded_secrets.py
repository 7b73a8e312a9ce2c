"""Events and documents in the form of older versions: they load, and their secrets are masked when they are shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from depot_sim.domain.kernel.events import decode, encode
from depot_sim.domain.kernel.recorded_secrets import shown_document, shown_event
from depot_sim.domain.oscp.events import OscpProviderSessionAttached
from depot_sim.domain.oscp.ledger import OscpMessageFinalised, OscpMessageHandled, OscpMessageRecorded
from depot_sim.domain.packets.events import PacketFeedOpened

SECRET = "hunter2-hunter2"
CREDENTIALS = {
    "inbound": {"secret": "env:TOKEN"},
    "outbound": {"secret": "file:/etc/token"},
    "token_url": f"http://bob:{SECRET}@id.example/?client_secret={SECRET}",
    "headers": {"apikey": SECRET, "X-Site": "north", "X-Key": {"secret": "env:KEY"}},
    "certificate": "/etc/ssl/us.pem",
}
ATTACHED = {
    "at": 1,
    "session_id": "s",
    "run_id": "r",
    "managed_scope_id": "m",
    "betterfleet_base_url": f"http://bob:{SECRET}@fp.example",
    "remote_configuration_id": "c",
    "group_id": "g",
    "measurement_publication_mode": "GROUP",
    "measurement_configuration": "INTERMITTENT",
    "profile": {"name": "betterfleet-vector"},
    "clock": "wall",
    "credentials": CREDENTIALS,
}
HEADERS = [["host", "h"], ["x-auth", SECRET], ["authorization", "Token ***"], ["x-functions-key", SECRET]]
BODY = json.dumps({"session_token": SECRET, "note": 'a "b"'})
RECORDED = {
    "at": 1,
    "entry_id": "e",
    "session_id": "s",
    "run_id": "r",
    "configuration_id": "c",
    "direction": "inbound",
    "message_type": "Heartbeat",
    "request_id": "q",
    "correlation_id": "",
    "url": f"http://bob:{SECRET}@h/",
    "headers": HEADERS,
    "body": BODY,
    "body_bytes": 9,
}
FINALISED = {
    "at": 2,
    "outcome": "accepted",
    "error": f"no token from http://h/?client_secret={SECRET}: refused",
    "answer": {"status": 200, "headers": [["X-Session-Token", SECRET]], "body": f'{{"password": "{SECRET}"}}'},
}
PROFILE = json.dumps({"name": "n", "headers": {"X-Api-Key": SECRET, "X-Seq": "{seq}", "X-Site": "north"}})


def packed(event: Any) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("topic", "event"),
    [
        (OscpProviderSessionAttached.TOPIC, ATTACHED),
        (OscpMessageRecorded.TOPIC, RECORDED),
        (OscpMessageFinalised.TOPIC, FINALISED),
        (OscpMessageHandled.TOPIC, {"recorded": RECORDED, "finalised": FINALISED}),
        (
            PacketFeedOpened.TOPIC,
            {"endpoint": f"http://h/?apikey={SECRET}", "profile_files": {"profile.json": PROFILE}},
        ),
        ("packets.packet-delivered.1", {"answer_headers": HEADERS, "answer": BODY, "device_id": "d"}),
        ("packets.packet-rejected.1", {"answer_headers": HEADERS, "answer": BODY, "error": f"//u:{SECRET}@h"}),
        ("oscp.partner-registered.1", {"base_url": f"https://{SECRET}@fp.example/"}),
        ("packets.feed-refused.1", {"reason": f"found http://u:{SECRET}@h/"}),
        ("configuration.created.1", {"document": {"projection_bindings": [{"credentials": CREDENTIALS}]}}),
        ("run.started.1", {"document": {"projection_bindings": [{"endpoint": f"ws://u:{SECRET}@h"}]}, "seed": 1}),
    ],
)
def test_secrets_of_an_older_event_are_masked(topic: str, event: Any) -> None:
    shown = shown_event(topic, packed(event))
    assert SECRET.encode() not in shown
    assert b"***" in shown
    assert set(json.loads(shown)) == set(event)
    assert shown_event(topic, shown) == shown


def test_only_secrets_of_an_older_event_are_masked() -> None:
    shown = json.loads(shown_event(OscpProviderSessionAttached.TOPIC, packed(ATTACHED)))
    assert shown["betterfleet_base_url"] == "http://***@fp.example"
    credentials = {
        "token_url": "http://***@id.example/?client_secret=***",
        "headers": CREDENTIALS["headers"] | {"apikey": "***"},  # type: ignore[operator]
    }
    assert shown == ATTACHED | {
        "betterfleet_base_url": "http://***@fp.example",
        "credentials": CREDENTIALS | credentials,
    }


def test_an_older_session_loads() -> None:
    loaded = decode(OscpProviderSessionAttached.TOPIC, packed(ATTACHED))
    assert isinstance(loaded, OscpProviderSessionAttached)
    assert loaded.credentials.headers["apikey"] == SECRET


def test_an_event_without_secrets_is_shown_byte_for_byte() -> None:
    recorded = RECORDED | {"headers": HEADERS[:1], "body": '{"key": "SOC", "n": 1.50}', "url": "heartbeat"}
    for topic, event in ((OscpMessageRecorded.TOPIC, recorded), ("run.ticked.1", {"a": f"//u:{SECRET}@h"})):
        assert shown_event(topic, packed(event)) == packed(event)
    assert shown_document(b'{"a": 1.50, "credentials": {}}') == b'{"a": 1.50, "credentials": {}}'


def test_an_event_is_found_by_its_encoding() -> None:
    event = decode(OscpMessageRecorded.TOPIC, packed(RECORDED))
    assert SECRET.encode() not in shown_event(OscpMessageRecorded.TOPIC, encode(event).state)
