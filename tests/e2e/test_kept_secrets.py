"""Registrations survive a restart on PostgreSQL: the secrets that a partner gave are in the folder that was named."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from typing import Any, NamedTuple

import pytest

from tests.e2e.oscp_connections import mortal_simulator, url_of
from tests.e2e.oscp_sides import CapacityProvider, sent
from tests.e2e.oscp_stage import SCOPE, start_run
from tests.e2e.processes import finish, start

HANDED_OVER = "token-handed-over-beforehand"
TOKEN_OF_PARTNER = "token-the-partner-gives"
PREFIX = "/oscp/cp/2.0"
_PATIENCE_SECONDS = 30


class Received(NamedTuple):
    path: str
    authorization: str
    body: Any


class Partner:
    """A flexibility provider that answers 204 to everything; `next` waits for its next request."""

    def __init__(self) -> None:
        self._received: Queue[Received] = Queue()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def next(self) -> Received:
        return self._received.get(timeout=_PATIENCE_SECONDS)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        received = self._received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"null")
                self.send_response(204)
                self.end_headers()
                received.put(Received(self.path, self.headers["Authorization"], body))

            def log_message(self, *_: object) -> None:
                """Print nothing."""

        return Handler


@contextmanager
def _partner() -> Iterator[Partner]:
    partner = Partner()
    try:
        yield partner
    finally:
        partner.close()


@pytest.fixture
def partner() -> Iterator[Partner]:
    with _partner() as opened:
        yield opened


def test_registration_survives_a_restart_on_postgresql(postgres_url: str, tmp_path: Path, partner: Partner) -> None:
    kept = tmp_path / "kept"
    variables = {"DEPOT_SIM_KEPT_SECRETS": str(kept), "DEPOT_SIM_SECRET_FIRST": HANDED_OVER}
    with mortal_simulator(postgres_url, tmp_path, **variables) as simulator:
        run_id = start_run(simulator.http)
        asked = {
            "managed_scope_id": SCOPE,
            "betterfleet_base_url": partner.url,
            "remote_configuration_id": "c1",
            "partner_profile": "oca-2.0",
            "credentials": {"inbound": {"secret": "env:DEPOT_SIM_SECRET_FIRST"}},
        }
        created = simulator.http.post(f"/simulation-runs/{run_id}/oscp-sessions", json=asked)
        assert created.status_code == 201, created.text
        session = CapacityProvider(simulator.http, run_id, created.json()["session_id"])
        body = {
            "token": TOKEN_OF_PARTNER,
            "version_url": [{"version": "2.0", "base_url": partner.url}],
        }
        assert _send(simulator, "register", body, HANDED_OVER) == 204
        registered = partner.next()
        assert (registered.path, registered.authorization) == ("/register", f"Token {TOKEN_OF_PARTNER}")
        issued = registered.body["token"]
        session.notes("Register", sent("accepted", 204))
        assert len(list(kept.iterdir())) == 2

        simulator.kill()
        simulator.start()

        handshake = {"required_behaviour": {"heartbeat_interval": 60, "measurement_configuration": []}}
        assert _send(simulator, "handshake", handshake, HANDED_OVER) == 403
        assert _send(simulator, "handshake", handshake, issued) == 204
        acknowledged = partner.next()
        assert acknowledged.path == "/handshake_acknowledge"
        assert acknowledged.authorization == f"Token {TOKEN_OF_PARTNER}"


def test_serve_refuses_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    arguments = ("serve", "--db", f"sqlite:///{tmp_path / 'depot.db'}", "--port", "0", "--kept-secrets", str(file))
    code, out, err = finish(start(*arguments))
    assert (code, out) == (2, "")
    assert f"{file}: Not a directory" in err
    assert "--kept-secrets" in err
    assert not (tmp_path / "depot.db").exists()


def _send(simulator: Any, path: str, body: Any, token: str) -> int:
    headers = {"Authorization": f"Token {token}", "X-Request-ID": f"{path}-{token}"}
    status: int = simulator.http.post(
        url_of(simulator.http) + f"{PREFIX}/{path}", json=body, headers=headers
    ).status_code
    return status
