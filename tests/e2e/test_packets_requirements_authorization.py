"""How a feed proves who it is: by header, bearer token, OAuth2 and mutual TLS. Its secrets are told to nobody else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.adapters.cli.command_line import depot_sim
from tests.adapters.http.peers import CERTIFICATES
from tests.e2e.oscp_stage import stand_in, url_of
from tests.e2e.packet_endpoint import inbox
from tests.e2e.packet_stage import Scene
from tests.e2e.processes import finish, running, wait_for
from tests.e2e.secret_scan import leaked, leaked_in_files
from tests.e2e.test_kill import free_port
from tests.e2e.tls_inbox import TlsInbox, tls_inbox
from tests.patience import patient

CLIENT, CLIENT_SECRET = "depot-sim", "client-secret-of-great-worth"
BEARER, API_KEY = "bearer-token-of-great-worth", "api-key-of-great-worth"
SECRETS = (CLIENT_SECRET, BEARER, API_KEY)


class Service(NamedTuple):
    """A simulator that has its secrets from the environment and from files, and a platform that asks for them."""

    folder: Path
    sim: httpx.Client
    platform: httpx.Client

    def open(self, endpoint: str, authorization: str, **credentials: Any) -> Scene:
        proof: dict[str, Any] = {"authorization": authorization, "credentials": credentials}
        quick = {"retry_base_ms": 20, "retry_cap_ms": 100}
        return Scene.opened(self.sim, self.platform, endpoint=endpoint, policy=quick, **proof)

    @property
    def packets(self) -> str:
        return f"{url_of(self.platform)}/packets"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Secrets are looked for everywhere when the processes are gone."""
    folder = tmp_path_factory.mktemp("authorization")
    store, ready = folder / "store", folder / "ready.json"
    store.mkdir()
    shutil.copytree(CERTIFICATES, folder / "secrets")
    options = ("--port", str(free_port()), "--secrets", str(folder / "secrets"))
    arguments = ("serve", "--db", f"sqlite:///{store / 'store.db'}", *options)
    asks = ("--oauth-client", f"{CLIENT}:{CLIENT_SECRET}", "--authorization", f"Bearer {BEARER}")
    secrets = {"DEPOT_SIM_SECRET_OF_CLIENT": CLIENT_SECRET, "DEPOT_SIM_SECRET_KEY": API_KEY}
    with running(*arguments, "--ready-file", str(ready), **secrets) as process, stand_in(folder, *asks) as platform:
        wait_for(ready.exists, process)
        url = httpx.URL(ready.read_text(encoding="utf-8").split('"')[3])
        with httpx.Client(base_url=url, timeout=patient(120), trust_env=False) as sim:
            yield Service(folder, sim, platform)
        process.terminate()
        finished = finish(process)
    assert finished.code == 0, finished.err
    assert_untold(finished.out + finished.err)
    assert leaked_in_files(store, SECRETS) == {}


def assert_untold(text: str) -> None:
    assert leaked(text, SECRETS) == []


def assert_delivered(scene: Scene) -> None:
    """Every packet was taken at the first attempt, and nothing that can be asked tells a secret."""
    scene.move(60)
    view = scene.settle()
    assert view["delivered"] == view["published"] > 50
    assert (view.get("failures", 0), view.get("rejected", 0), view["health"]) == (0, 0, "UP")
    assert_history_is_silent(scene)


def assert_history_is_silent(scene: Scene) -> None:
    run = scene.sim.get(scene.run).json()
    packets = scene.sim.get(f"{scene.path}/packets").json()["packets"]
    pages = [
        *(scene.run, scene.path, f"{scene.path}/devices", f"{scene.path}/packets", f"{scene.path}/readings"),
        *(f"{scene.path}/packets/{packets[0]['packet_id']}", "/simulation-runs", "/metrics"),
        *(
            f"/simulation-configurations/{run['configuration_id']}",
            f"/events?stream=packets-{scene.run_id}-site-packets",
        ),
    ]
    for page in pages:
        answer = scene.sim.get(page)
        assert answer.status_code == 200, page
        assert_untold(answer.text)
    shown = depot_sim("packets", "show", packets[0]["packet_id"], "--run", scene.run_id, "--url", url_of(scene.sim))
    assert_untold(shown.out)


def test_a_header_is_sent_with_every_packet(service: Service) -> None:
    with inbox() as box:
        headers = {"X-Api-Key": {"secret": "env:DEPOT_SIM_SECRET_KEY"}, "X-Tenant": "depot"}
        assert_delivered(service.open(box.url, "none", headers=headers))
        assert {one.headers.get("X-Api-Key") for one in box.requests} == {API_KEY}
        assert {one.headers.get("X-Tenant") for one in box.requests} == {"depot"}


def test_a_bearer_token_that_is_wrong_loses_nothing_and_counts_once_it_is_right(service: Service) -> None:
    """It is kept in a file, which is read again when it has changed."""
    token = service.folder / "secrets" / "token"
    token.write_text("out-of-date", encoding="utf-8")
    scene = service.open(service.packets, "bearer", outbound={"secret": "file:token"})
    scene.move(60)
    view = scene.observed()
    assert (view["health"], view.get("delivered", 0)) == ("IMPAIRED", 0)
    assert "answered 401" in view["last_error"]

    token.write_text(BEARER, encoding="utf-8")
    view = scene.settle()
    assert view["delivered"] == view["published"] > 50
    assert view["health"] == "UP"
    assert scene.findings() == {}
    assert_history_is_silent(scene)


def test_oauth2_tokens_are_fetched_and_fetched_anew_when_they_are_revoked(service: Service) -> None:
    asked = {"client_id": CLIENT, "outbound": {"secret": "of-client"}}
    scene = service.open(service.packets, "oauth2", token_url=f"{url_of(service.platform)}/oauth/token", **asked)
    assert_delivered(scene)
    revoked = service.platform.post("/control/tokens/revoke").json()["revoked"]
    assert revoked == 1
    scene.move(60)
    view = scene.settle()
    assert view["delivered"] == view["published"] > 100
    assert view.get("rejected", 0) == 0
    assert scene.findings() == {}


@pytest.fixture
def strict() -> Iterator[TlsInbox]:
    """Speaks to those only whose certificate the test authority vouches for."""
    with tls_inbox() as box:
        yield box


def test_mutual_tls_shows_the_certificate_that_is_asked_for(service: Service, strict: TlsInbox) -> None:
    files = {"certificate": "client.pem", "key": "client.key", "authority": "authority.pem"}
    assert_delivered(service.open(strict.url, "none", **files))
    assert len(strict.requests) > 50


def test_without_the_certificate_nothing_gets_through_and_everything_waits(service: Service, strict: TlsInbox) -> None:
    scene = service.open(strict.url, "none", authority="authority.pem")
    scene.move(60)
    view = scene.observed()
    assert (view["health"], view.get("delivered", 0)) == ("IMPAIRED", 0)
    assert view["undelivered"] == view["published"]
    assert view["last_error"]
    assert strict.requests == []


def test_a_secret_that_is_not_there_is_told_by_its_reference(service: Service) -> None:
    scene = service.open(service.packets, "bearer", outbound={"secret": "env:DEPOT_SIM_SECRET_OF_NOBODY"})
    scene.move(10)
    view = scene.observed()
    assert "SECRET_OF_NOBODY" in view["last_error"]
    assert view["undelivered"] == view["published"]
