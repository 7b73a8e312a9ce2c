"""A log written before secrets had to be handles: it loads, shows its secrets masked, and says how to mend it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from depot_sim.adapters.event_store import open_event_store
from depot_sim.application.event_log import Append, StreamWrite
from depot_sim.domain.kernel.events import EncodedEvent
from tests.adapters.cli.command_line import depot_sim
from tests.e2e.oscp_sides import eventually
from tests.e2e.oscp_sockets import JSON, PREFIX
from tests.e2e.oscp_stage import SCOPE, start_run
from tests.e2e.processes import serving
from tests.e2e.secret_scan import leaked
from tests.e2e.secret_stage import Partner, Service
from tests.e2e.test_secrets import IN_A_MINUTE
from tests.patience import patient

IN_HEADER, IN_ADDRESS, IN_QUERY, OLD_TOKEN = (
    "written-in-a-header",
    "written-in-a-url",
    "written-in-a-query",
    "old-token",
)
SECRETS = (IN_HEADER, IN_ADDRESS, IN_QUERY)


class Older(NamedTuple):
    service: Service
    session_id: str
    partner: Partner
    db: str


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Older]:
    """A service on a log as an older version would have written it: copied from one of today, word by word changed."""
    folder, partner = tmp_path_factory.mktemp("older"), Partner()
    today, older = (f"sqlite:///{folder / name}.db" for name in ("today", "older"))
    with serving(today, folder, DEPOT_SIM_SECRET_HANDLE="handle-of-today") as url:
        run_id, session_id = _written(url, folder, partner)
    _copy(today, older, partner.url, run_id)
    partner.requests.clear()  # packets of today's feed
    with (
        serving(older, folder, OLD_TOKEN=OLD_TOKEN) as url,
        httpx.Client(base_url=url, timeout=patient(60), trust_env=False) as http,
    ):
        yield Older(Service(http, run_id, folder), session_id, partner, older)
    partner.close()


def _written(url: str, folder: Path, partner: Partner) -> tuple[str, str]:
    """A configuration, a run, a session and a feed."""
    with httpx.Client(base_url=url, timeout=patient(60), trust_env=False) as http:
        service = Service(http, start_run(http), folder)
        handle = {"secret": "handle"}
        credentials: dict[str, Any] = {"inbound": handle, "headers": {"apikey": handle}}
        session = service.attached(f"{partner.url}/session", "older", credentials=credentials)
        opened = service.feed(f"{partner.url}/feed")
        assert opened.status_code == 201, opened.text
        binding = {
            "family": "packets",
            "id": "p",
            "managed_scope": SCOPE,
            "credentials": {"headers": {"apikey": handle}},
        }
        document = http.get("/simulation-configurations").json()["configurations"][0]["id"]
        known = http.get(f"/simulation-configurations/{document}").json()["document"]
        saved = http.post("/simulation-configurations", json=known | {"projection_bindings": [binding]})
        assert saved.status_code == 201, saved.text
        return service.run_id, session.session_id


def _copy(today: str, older: str, partner: str, run_id: str) -> None:
    host = partner.removeprefix("http://")
    words = {
        '"apikey":{"secret":"handle"}': f'"apikey":"{IN_HEADER}"',
        '"inbound":{"secret":"handle"}': '"inbound":{"secret":"env:OLD_TOKEN"}',
        f'"{partner}/session"': f'"http://bob:{IN_ADDRESS}@{host}/session"',
        f'"{partner}/feed"': f'"{partner}/feed?apikey={IN_QUERY}"',
    }
    with open_event_store(today) as source, open_event_store(older) as target:
        for row in source.log.read_all(limit=100_000):
            state = row.state.decode()
            for word, old in words.items():
                state = state.replace(word, old)
            write = StreamWrite(row.stream, row.version - 1, [EncodedEvent(row.topic, state.encode())])
            target.log.append(Append([write], row.metadata))
        token = target.leases.acquire(run_id, "an older version", 5.0)
        assert token is not None
        target.leases.release(run_id, token)


def test_an_older_log_shows_no_secret(older: Older) -> None:
    http, service = older.service.http, older.service
    session = f"{service.run}/oscp-sessions/{older.session_id}"
    pages = ["/oscp-sessions", session, f"{service.run}/packet-feeds", "/events?limit=1000"]
    configurations = http.get("/simulation-configurations").json()["configurations"]
    pages += [f"/simulation-configurations/{one['id']}" for one in configurations]
    answers = {page: http.get(page) for page in pages}
    assert {page: leaked(answer.content, SECRETS) for page, answer in answers.items()} == {page: [] for page in pages}
    assert answers[session].json()["betterfleet_base_url"].startswith("http://***@127.0.0.1:")
    assert b'"apikey":"***"' in answers["/events?limit=1000"].content
    for as_json in ((), ("--json",)):
        for configuration in configurations:
            shown = depot_sim("configuration", "show", configuration["id"], "--url", str(http.base_url), *as_json)
            assert (shown.code, leaked(shown.out, SECRETS)) == (0, [])


def test_a_message_of_an_older_session_fails_with_the_fix(older: Older) -> None:
    run, http = older.service.run, older.service.http
    sent = http.post(f"{run}/oscp-sessions/{older.session_id}/commands/send-handshake", json={})
    assert sent.json()["delivery_status"] == "failed"
    entry = http.get(f"{run}/oscp-sessions/{older.session_id}/messages/{sent.json()['ledger_entry_id']}")
    assert leaked(entry.content, SECRETS) == []
    assert "/credentials/headers/apikey" in entry.json()["error"]
    assert 'a reference, such as {"secret": "NAME"}' in entry.json()["error"]
    assert older.partner.requests == []


def test_a_request_to_an_older_session_is_refused_with_the_fix(older: Older) -> None:
    headers = [
        ("X-OSCP-Configuration-ID", "older"),
        ("X-Request-ID", "1"),
        JSON,
        ("Authorization", f"Token {OLD_TOKEN}"),
    ]
    answer = older.service.http.post(f"{PREFIX}/heartbeat", content=IN_A_MINUTE, headers=headers)
    assert answer.status_code == 403
    listed = older.service.http.get(f"{older.service.run}/oscp-sessions/{older.session_id}/messages?direction=inbound")
    (message,) = listed.json()["messages"]
    assert message["rule"] == "credentials.unknown"
    whole = older.service.http.get(
        f"{older.service.run}/oscp-sessions/{older.session_id}/messages/{message['ledger_entry_id']}"
    ).json()
    assert "DEPOT_SIM_SECRET_" in json.dumps(whole["findings"])


def test_packets_of_an_older_feed_wait_and_say_why(older: Older) -> None:
    feed = f"{older.service.run}/packet-feeds/feed"
    view = eventually(lambda: older.service.http.get(feed).json(), lambda found: bool(found.get("failures")))
    assert view["undelivered"] > 0
    assert "without a secret in its query; put the secret into credentials.headers" in view["last_error"]
    assert leaked(json.dumps(view), SECRETS) == []
