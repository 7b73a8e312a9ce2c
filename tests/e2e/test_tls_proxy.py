"""TLS by a reverse proxy: Caddy with the file that docs/security.md prints."""

from __future__ import annotations

import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.adapters.http.peers import CERTIFICATES
from tests.domain.configuration.samples import depot
from tests.e2e.processes import ROOT, serving, wait_for
from tests.patience import patient

OPERATOR, PARTNER = "operator-token-01234", "partner-token-0123456"
CLIENT_ADDRESS = "127.0.0.2"
"""Another one than the proxy's, which connects from 127.0.0.1."""
OSCP = "/oscp/cp/2.0"


class Proxied(NamedTuple):
    """A client of the proxy with the operator's token, and one without any."""

    operator: httpx.Client
    stranger: httpx.Client


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder = tmp_path_factory.mktemp("proxied")
    tokens = folder / "tokens"
    tokens.write_text(f"otto:operator:{OPERATOR}\n")
    options = ("--tokens-file", str(tokens), "--trusted-proxy", "127.0.0.1")
    with (
        serving(f"sqlite:///{folder / 'a.db'}", folder, 0, *options, DEPOT_SIM_SECRET_PARTNER=PARTNER) as service,
        caddy(folder, port_of(service)) as url,
        client(url, Authorization=f"Bearer {OPERATOR}") as operator,
        client(url) as stranger,
    ):
        document = depot(("/managed_scopes/0/id", "scope-grid-1"), ("/projection_bindings", []))
        created = operator.post("/simulation-configurations", json=document)
        assert created.status_code == 201, created.text
        run = {"configuration_id": created.json()["id"], "run_id": "r", "tick": "1 min", "clock": {"mode": "MANUAL"}}
        assert operator.post("/simulation-runs", json=run).status_code == 201
        yield Proxied(operator, stranger)


def port_of(url: str) -> int:
    port = httpx.URL(url).port
    assert port is not None
    return port


def client(url: str, **headers: str) -> httpx.Client:
    authority = ssl.create_default_context(cafile=CERTIFICATES / "authority.pem")
    transport = httpx.HTTPTransport(verify=authority, local_address=CLIENT_ADDRESS)
    return httpx.Client(transport=transport, base_url=url, headers=headers, timeout=patient(20))


@contextmanager
def caddy(folder: Path, service_port: int) -> Iterator[str]:
    """Caddy, as the page says; its URL."""
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```caddyfile\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    file = folder / "Caddyfile"
    file.write_text(text)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "HOME": str(folder),
        "DEPOT_SIM_NAME": "127.0.0.1",
        "DEPOT_SIM_TLS_PORT": str(port),
        "DEPOT_SIM_PORT": str(service_port),
        "DEPOT_SIM_CERTIFICATE": str(CERTIFICATES / "server.pem"),
        "DEPOT_SIM_CERTIFICATE_KEY": str(CERTIFICATES / "server.key"),
    }
    command = [str(Path(sys.prefix, "bin", "caddy")), "run", "--config", str(file)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": (folder / "caddy.log").open("w"), "text": True}
    with pipes["stderr"], subprocess.Popen(command, env=environment, **pipes) as process:
        try:
            wait_for(lambda: answers(port), process)
            yield f"https://127.0.0.1:{port}"
        finally:
            process.kill()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_control_api_is_reached_with_a_token_only(proxied: Proxied) -> None:
    assert proxied.stranger.get("/livez").status_code == 200
    assert proxied.stranger.get("/simulation-runs").status_code == 401
    assert proxied.operator.get("/simulation-runs").status_code == 200
    assert proxied.operator.post("/simulation-runs/r/commands/tick", json={"count": 1}).status_code == 200


def test_a_page_of_the_proxy_s_own_origin_may_change_something_and_others_may_not(proxied: Proxied) -> None:
    own = str(proxied.operator.base_url).rstrip("/")
    for origin, status in ((own, 200), ("https://evil.example", 403), ("null", 403)):
        answer = proxied.operator.post(
            "/simulation-runs/r/commands/tick", json={"count": 1}, headers={"Origin": origin}
        )
        assert answer.status_code == status, origin


def test_events_pass_one_by_one(proxied: Proxied) -> None:
    """The second event is asked for when the first one is here."""
    headers = {"Accept": "text/event-stream"}
    seen = 0
    with proxied.operator.stream("GET", "/simulation-runs/r/events", headers=headers) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            if line == "event: run.paused.1":
                break
            if line == "event: run.started.1":
                assert proxied.stranger.post(
                    "/simulation-runs/r/commands/pause", headers={"Authorization": f"Bearer {OPERATOR}"}
                ).is_success
            seen += line.startswith("event: ")
    assert seen >= 1


def test_oscp_is_reached_with_the_session_s_token_only(proxied: Proxied) -> None:
    operator, stranger = proxied
    session = {"managed_scope_id": "scope-grid-1", "betterfleet_base_url": "http://127.0.0.1:9/oscp", "group_id": "g"}
    secured = {"inbound": {"secret": "env:DEPOT_SIM_SECRET_PARTNER"}}
    bodies: list[dict[str, Any]] = [
        {"remote_configuration_id": "secured", "credentials": secured},
        {"remote_configuration_id": "plain"},
    ]
    for body in bodies:
        assert operator.post("/simulation-runs/r/oscp-sessions", json={**session, **body}).status_code == 201
    behaviour = {"required_behaviour": {"heartbeat_interval": 5, "measurement_configuration": ["INTERMITTENT"]}}

    def handshake(configuration: str, **headers: str) -> int:
        named = {"X-OSCP-Configuration-ID": configuration, "X-Request-ID": f"h-{len(headers)}-{configuration}"}
        return stranger.post(f"{OSCP}/handshake", json=behaviour, headers={**named, **headers}).status_code

    assert handshake("secured", Authorization=f"Token {PARTNER}") == 204
    assert handshake("secured") == 403
    assert handshake("plain") == 403  # it takes messages of this machine only, and a proxy has forwarded this one
    assert handshake("nobody-s") == 403
    refused = operator.get("/refused-requests").json()["refused"]
    reasons = {one["reason"] for one in refused if one["surface"] == "oscp"}
    assert reasons == {"credentials.missing", "credentials.required", "session.unknown-configuration"}
    assert {one["sender"] for one in refused} == {CLIENT_ADDRESS}
