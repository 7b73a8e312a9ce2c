"""A stage for secrets: a service, everything that it shows, and a partner that repeats every secret it is sent."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple
from urllib.parse import quote

import httpx

from tests.adapters.cli.command_line import depot_sim
from tests.e2e.oscp_sides import CapacityProvider
from tests.e2e.oscp_stage import SCOPE
from tests.e2e.secret_scan import leaked

GRANTED, SESSION_TOKEN = "token-granted-by-oauth2", "received-X-Session-Token-4711"


class Partner:
    """Repeats every header it was sent, in every encoding, in the headers and the body of its answer."""

    def __init__(self) -> None:
        self.requests: list[dict[str, str]] = []
        self.status = 403
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = False
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        partner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                partner.requests.append(dict(self.headers))
                body = json.dumps({"access_token": GRANTED, "expires_in": 3600}).encode()
                if self.path != "/token":
                    body = _repeated(self.headers.items())
                self.send_response(200 if self.path == "/token" else partner.status)
                self.send_header("X-Session-Token", SESSION_TOKEN)
                self.send_header("X-Repeated", quote(self.headers.get("X-Api-Key", "nothing")))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        return Handler


def _repeated(headers: Any) -> bytes:
    values = [value.rpartition(" ")[2] if name == "Authorization" else value for name, value in headers]
    encoded = [[value, quote(value, safe=""), b64encode(f"user:{value}".encode()).decode()] for value in values]
    return json.dumps({"message": "wrong", "you said": encoded}).encode()


class Service(NamedTuple):
    http: httpx.Client
    run_id: str
    folder: Path

    @property
    def run(self) -> str:
        return f"/simulation-runs/{self.run_id}"

    def attach(self, partner: str, **changes: Any) -> httpx.Response:
        asked = {"managed_scope_id": SCOPE, "betterfleet_base_url": partner, "group_id": "g"}
        return self.http.post(f"{self.run}/oscp-sessions", json=asked | changes)

    def attached(self, partner: str, configuration_id: str, **changes: Any) -> CapacityProvider:
        created = self.attach(partner, remote_configuration_id=configuration_id, **changes)
        assert created.status_code == 201, created.text
        return CapacityProvider(self.http, self.run_id, created.json()["session_id"])

    def feed(self, endpoint: str, **changes: Any) -> httpx.Response:
        asked = {"binding_id": "feed", "managed_scope_id": SCOPE, "endpoint": endpoint}
        return self.http.post(f"{self.run}/packet-feeds", json=asked | changes)


def assert_pages_are_silent(service: Service, secrets: Sequence[str], token: str) -> None:
    """Every view, the event log as pages and as lines, and exports. `token` is an operator's."""
    http = service.http
    sessions = [one["session_id"] for one in http.get("/oscp-sessions", params={"limit": 1_000}).json()["sessions"]]
    configurations = http.get("/simulation-configurations").json()["configurations"]
    pages = ["/oscp-sessions", "/oscp-messages/unresolved", "/metrics", "/readyz", service.run]
    pages += [f"{service.run}/oscp-sessions", f"{service.run}/packet-feeds", "/events?limit=1000"]
    pages += [f"{service.run}/oscp-sessions/{session}/messages" for session in sessions]
    pages += [f"/simulation-configurations/{one['id']}" for one in configurations]
    for page in list(pages):
        answer = http.get(page)
        if page.endswith("/messages"):
            pages += [f"{page}/{one['ledger_entry_id']}" for one in answer.json()["messages"]]
    for page in pages:
        answer = http.get(page)
        assert answer.status_code in (200, 404), page
        assert leaked(answer.content, secrets) == [], page
    lines = http.get("/events", headers={"Accept": "application/jsonl"})
    assert b"oscp.message-finalised.1" in lines.content
    assert leaked(lines.content, secrets) == []
    shown = ("configuration", "show", configurations[0]["id"], "--url", str(http.base_url), "--token", token)
    exported = depot_sim(*shown)
    assert exported.code == 0, exported.err
    assert leaked(exported.out, secrets) == []
