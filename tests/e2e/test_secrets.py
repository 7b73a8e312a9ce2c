"""No secret leaves the service: not into its log, files, answers and exports, and not to whoever asks for another one.

One service has a secret of its own for every way in. Each test lets partners repeat theirs wherever they can; when all
are done and the service has ended, everything that it wrote is searched.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.e2e.oscp_sides import eventually
from tests.e2e.oscp_sockets import JSON, PREFIX, Raw, online_by_hand
from tests.e2e.oscp_stage import start_run
from tests.e2e.packet_stage import microgrid
from tests.e2e.processes import finish, running, wait_for
from tests.e2e.secret_scan import leaked, leaked_in_files, percent_encoded
from tests.e2e.secret_stage import GRANTED, SESSION_TOKEN, Partner, Service, assert_pages_are_silent
from tests.patience import patient

OPERATOR, IN_TOKENS_FILE = "operators-own-token", "token-of-the-tokens-file"
BY_FILE, BY_VARIABLE, CLIENT_SECRET = "secret/of+a file&more", "secret-of-a-variable", "secret of the client: ü"
INBOUND, REGISTERED = "token-of-the-partner-itself", "token-of-a-register"
WRITTEN = {
    name: f"written-{name}-4711"
    for name in ("session-header", "feed-header", "document", "userinfo", "query", "endpoint", "register", "device")
}
RECEIVED = {
    name: f"received-{name}-4711"
    for name in ("X-Auth", "X-Functions-Key", "X-Api-Token", "Cookie", "X-Hub-Signature", "X-Pwd", "X-JWT", "X-Bearer")
} | {"X-Session-Token": SESSION_TOKEN}
IN_BODY = "received-in-a-body-4711"
SECRETS = (
    *(OPERATOR, IN_TOKENS_FILE, BY_FILE, BY_VARIABLE, CLIENT_SECRET, INBOUND, GRANTED, REGISTERED, IN_BODY),
    *(*WRITTEN.values(), *RECEIVED.values()),
)
VARIABLES = {
    "DEPOT_SIM_TOKENS": f"ops:operator:{OPERATOR}",
    "DEPOT_SIM_SECRET_BY_VARIABLE": BY_VARIABLE,
    "DEPOT_SIM_SECRET_CLIENT": CLIENT_SECRET,
}
IN_A_MINUTE = b'{"offline_mode_at": "2099-01-01T00:00:00.000Z"}'


@pytest.fixture
def partner() -> Iterator[Partner]:
    opened = Partner()
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Searched for secrets while it runs, and again when it has ended."""
    folder = tmp_path_factory.mktemp("secrets")
    (folder / "store").mkdir()
    (folder / "given").mkdir()
    (folder / "given" / "by-file").write_text(BY_FILE, encoding="utf-8")
    (folder / "given" / "inbound").write_text(INBOUND, encoding="utf-8")
    (folder / "given" / "tokens").write_text(f"ops:operator:{IN_TOKENS_FILE}", encoding="utf-8")
    (folder / "given" / "authority.pem").write_text("no certificate", encoding="utf-8")
    ready = folder / "ready.json"
    arguments = (
        "serve",
        "--db",
        f"sqlite:///{folder / 'store' / 'store.db'}",
        "--port",
        "0",
        "--ready-file",
        str(ready),
    )
    tokens = ("--tokens-file", str(folder / "given" / "tokens"))  # in the folder of secrets, as with /run/secrets
    folders = ("--secrets", str(folder / "given"), "--kept-secrets", str(folder / "kept"))
    with running(*arguments, *folders, *tokens, **VARIABLES) as process:
        wait_for(ready.exists, process)
        url, operator = json.loads(ready.read_bytes())["url"], {"Authorization": f"Bearer {OPERATOR}"}
        with httpx.Client(base_url=url, timeout=patient(60), trust_env=False, headers=operator) as http:
            opened = Service(http, start_run(http), folder)
            yield opened
            assert_pages_are_silent(opened, SECRETS, OPERATOR)
        assert leaked_in_files(folder / "store", SECRETS) == {}
        process.terminate()
        finished = finish(process)
    assert finished.code == 0, finished.err
    assert leaked(finished.out + finished.err, SECRETS) == []
    assert leaked_in_files(folder / "store", SECRETS) == {}


REFERENCES = [
    *(
        "env:DEPOT_SIM_TOKENS",
        "env:DEPOT_SIM_DB",
        "env:PATH",
        "env:HOME",
        "file:/etc/hostname",
        "file:/proc/self/environ",
    ),
    *(
        "file:../store/store.db",
        "file:by-file/../../ready.json",
        "no-such-handle",
        "vault:x",
        "",
        "tokens",
        "file:tokens",
    ),
]


@pytest.mark.parametrize("reference", REFERENCES)
@pytest.mark.parametrize("place", ["inbound", "outbound", "headers/X-Key"])
def test_no_request_names_another_variable_or_file_of_the_host(
    service: Service, partner: Partner, reference: str, place: str
) -> None:
    """Everything is asked for, and whoever asks gets nothing."""
    secret = {"secret": reference}
    credentials: dict[str, Any] = {"headers": {"X-Key": secret}} if "/" in place else {place: secret}
    asked = {"credentials": credentials}
    bearer = asked | ({"authorization": "bearer"} if place == "outbound" else {})
    document = microgrid(
        projection_bindings=[
            {"family": "packets", "id": "p", "managed_scope": "site", "endpoint": partner.url, **bearer},
        ]
    )
    answers = {
        "/credentials": service.attach(partner.url, remote_configuration_id="attack", **asked),
        "/credentials ": service.feed(partner.url, **bearer),
        "/projection_bindings/0/credentials": service.http.post("/simulation-configurations", json=document),
    }
    for pointer, answer in answers.items():
        assert answer.status_code == 422, answer.text
        faults = answer.json()["faults"]
        assert [fault["pointer"] for fault in faults] == [f"{pointer.strip()}/{place}/secret"]
        assert faults[0]["expected"]
        assert leaked(answer.content, SECRETS) == []
    assert partner.requests == []


@pytest.mark.parametrize("name", ["/etc/ssl/openssl.cnf", "../ready.json", "/proc/self/environ"])
@pytest.mark.parametrize("field", ["certificate", "authority"])
def test_no_request_names_a_certificate_outside_the_folder(
    service: Service, partner: Partner, field: str, name: str
) -> None:
    for answer in (
        service.attach(partner.url, remote_configuration_id="attack", credentials={field: name}),
        service.feed(partner.url, credentials={field: name}),
    ):
        assert answer.status_code == 422, answer.text
        assert {fault["pointer"] for fault in answer.json()["faults"]} == {f"/credentials/{field}"}
    assert partner.requests == []


def test_secrets_that_are_written_down_are_refused_and_recorded_nowhere(service: Service, partner: Partner) -> None:
    url = partner.url
    oauth2 = {"client_id": "us", "outbound": {"secret": "client"}}
    binding = {"family": "packets", "id": "p", "managed_scope": "site", "endpoint": url}
    wrong_binding = binding | {"credentials": {"headers": {"apikey": WRITTEN["document"]}}}
    device = {"device_id": "d", "endpoint": f"{url}?apikey={WRITTEN['device']}", "sensor_actions": []}
    headers = {"credentials": {"headers": {"apikey": WRITTEN["session-header"]}}}
    answers = {
        "/credentials/headers/apikey": service.attach(url, remote_configuration_id="w", **headers),
        "/credentials/token_url": service.attach(
            url,
            remote_configuration_id="w",
            credentials=oauth2 | {"token_url": f"http://bob:{WRITTEN['userinfo']}@h/?client_secret={WRITTEN['query']}"},
        ),
        "/betterfleet_base_url": service.attach(f"http://bob:{WRITTEN['userinfo']}@h", remote_configuration_id="w"),
        "/own_base_url": service.attach(url, remote_configuration_id="w", own_base_url=f"{url}?sig={WRITTEN['query']}"),
        "/endpoint": service.feed(f"{url}/packets?apikey={WRITTEN['endpoint']}"),
        "/devices/0/endpoint": service.feed(url, devices={"devices": [device]}),
        "/credentials/headers/X-Odd": service.feed(url, credentials={"headers": {"X-Odd": WRITTEN["feed-header"]}}),
        "/projection_bindings/0/credentials/headers/apikey": service.http.post(
            "/simulation-configurations", json=microgrid(projection_bindings=[wrong_binding])
        ),
    }
    for pointer, answer in answers.items():
        assert answer.status_code == 422, answer.text
        assert [fault["pointer"] for fault in answer.json()["faults"]] == [pointer]
        assert leaked(answer.content, SECRETS) == [], pointer


def test_a_host_or_port_that_cannot_be_is_refused(service: Service) -> None:
    for url in ("http://[::1", "http://x:99999/", "http://x:0/", "http://1.2.3/", "http://x y/"):
        answer = service.attach(url, remote_configuration_id="w")
        assert answer.status_code == 422, answer.text
        assert [fault["pointer"] for fault in answer.json()["faults"]] == ["/betterfleet_base_url"]


def test_what_a_partner_repeats_is_masked(service: Service, partner: Partner) -> None:
    """Of a bearer token, and of headers; in its headers, its body, and in every encoding."""
    session = service.attached(
        partner.url,
        "repeats",
        profile_changes={"authorization": "bearer"},
        credentials={
            "outbound": {"secret": "by-variable"},
            "headers": {"X-Api-Key": {"secret": "by-file"}, "X-Tenant": "depot"},
        },
    )
    session.order("send-handshake")
    (request,) = partner.requests
    assert (request["Authorization"], request["X-Api-Key"]) == (f"Bearer {BY_VARIABLE}", BY_FILE)
    assert request["X-Tenant"] == "depot"
    (listed,) = session.messages("Handshake")
    entry = session.call("GET", f"/messages/{listed['ledger_entry_id']}")
    assert leaked(entry.content, SECRETS) == []
    answered = entry.json()["answer"]
    assert {header["name"]: header["value"] for header in answered["headers"]}["X-Session-Token"] == "***"
    assert answered["body"].count("***") >= 6


def test_a_granted_token_and_the_client_secret_are_masked(service: Service, partner: Partner) -> None:
    session = service.attached(
        partner.url,
        "oauth2",
        profile_changes={"authorization": "oauth2"},
        credentials={"outbound": {"secret": "client"}, "client_id": "us", "token_url": f"{partner.url}/token"},
    )
    session.order("send-handshake")
    assert partner.requests[-1]["Authorization"] == f"Bearer {GRANTED}"
    (listed,) = session.messages("Handshake")
    entry = session.call("GET", f"/messages/{listed['ledger_entry_id']}")
    assert leaked(entry.content, SECRETS) == []


def test_secrets_in_received_headers_and_bodies_are_masked(service: Service) -> None:
    raw = online_by_hand(service.http, service.run_id, credentials={"inbound": {"secret": "inbound"}})
    secret = list(RECEIVED.items())
    told = json.dumps({"offline_mode_at": "2099-01-01T00:00:00.000Z", "session_token": IN_BODY, "note": INBOUND})
    headers = [*raw.headers("masked"), ("Authorization", f"Token {INBOUND}"), *secret, ("X-Note", f"is {INBOUND}")]
    assert raw.send("heartbeat", told.encode(), headers).status_code == 204
    entry = raw.entry("masked")
    shown = {header["name"].lower(): header["value"] for header in entry["headers"]}
    assert {shown[name.lower()] for name in RECEIVED} == {"***"}
    assert (shown["authorization"], shown["x-note"]) == ("Token ***", "is ***")
    assert json.loads(entry["body"]) == {
        "offline_mode_at": "2099-01-01T00:00:00.000Z",
        "session_token": "***",
        "note": "***",
    }
    refused = raw.send(
        "heartbeat", json.dumps({"offline_mode_at": INBOUND}).encode(), [*headers[2:], *raw.headers("b")]
    )
    assert refused.status_code == 422
    assert leaked(refused.content, SECRETS) == []


def test_a_token_of_a_message_that_belongs_to_no_session_is_masked(service: Service) -> None:
    headers = [("X-OSCP-Configuration-ID", "nobody"), ("X-Request-ID", "1"), JSON, ("X-Auth", RECEIVED["X-Auth"])]
    answer = service.http.post(f"{PREFIX}/heartbeat", content=IN_A_MINUTE, headers=headers)
    assert answer.status_code in (401, 403)


def test_a_registered_token_and_an_address_with_a_password_are_masked(service: Service, partner: Partner) -> None:
    partner.status = 204
    session = service.attached(
        partner.url, "register", partner_profile="oca-2.0", credentials={"inbound": {"secret": "inbound"}}
    )
    raw = Raw(session, service.http, "register")
    bad, good = f"http://bob:{WRITTEN['register']}@h", partner.url
    for request_id, base_url, status in (("bad", bad, 400), ("good", good, 204)):
        told = {"token": REGISTERED, "version_url": [{"version": "2.0", "base_url": base_url}]}
        headers = [("X-Request-ID", request_id), JSON, ("Authorization", f"Token {INBOUND}")]
        answer = raw.send("register", json.dumps(told).encode(), headers)
        assert (request_id, answer.status_code) == (request_id, status), answer.text
        assert leaked(answer.content, SECRETS) == []
    eventually(lambda: len(partner.requests), lambda found: found > 0)


def test_a_secret_in_a_message_made_by_hand_is_masked_by_its_name_and_refused_by_its_value(
    service: Service, partner: Partner
) -> None:
    session = service.attached(partner.url, "by-hand")
    session.order("send-message", message_type="Heartbeat", body={"secret": IN_BODY})
    basic = f"Basic {b64encode(BY_FILE.encode()).decode()}"
    for change, pointers in (
        ({"headers": {"Content-Length": "1", "TE": "x"}}, ["/headers/Content-Length", "/headers/TE"]),
        (
            {"body": {"note": BY_VARIABLE}, "headers": {"Authorization": basic}},
            ["/body/note", "/headers/Authorization"],
        ),
    ):
        refused = session.call("POST", "/commands/send-message", {"message_type": "Heartbeat"} | change)
        assert [fault["pointer"] for fault in refused.json()["faults"]] == pointers
    assert len(partner.requests) == 1


YAML = {"Content-Type": "application/yaml"}
Place = Callable[[Service, str], httpx.Response]
"""Sends a request that has the text at one place."""
PLACES: list[tuple[str, Place]] = [
    ("/name", lambda on, text: on.http.post("/simulation-configurations", json=microgrid(name=text))),
    (
        "/microgrid_controllers/0/id",
        lambda on, text: on.http.post("/simulation-configurations", json={"microgrid_controllers": [{"id": text}]}),
    ),
    ("", lambda on, text: on.http.post("/simulation-configurations", json={"name": "d", f"a {text}": 1})),
    (
        "/name",
        lambda on, text: on.http.post(
            "/simulation-configurations", content=f'name: "{text[:5]}\\\n  {text[5:]}"', headers=YAML
        ),
    ),
    ("/run_id", lambda on, text: on.http.post("/simulation-runs", json={"configuration_id": "c", "run_id": text})),
    ("/credentials/headers/User-Agent", lambda on, text: on.feed("http://h", **_with_header("User-Agent", text))),
    ("/credentials/headers/X-Tenant", lambda on, text: on.attach("http://h", **_with_header("X-Tenant", f"of {text}"))),
    ("/betterfleet_base_url", lambda on, text: on.attach(f"http://h/{text}/v1")),
    ("/own_base_url", lambda on, text: on.attach("http://h", own_base_url=f"http://h/{text}")),
    ("/endpoint", lambda on, text: on.feed(f"http://h/{text}")),
    (
        "/overrides/0/note",
        lambda on, text: on.http.patch(f"{on.run}/oscp-sessions/s/overrides", json={"overrides": [{"note": text}]}),
    ),
    (
        "/document/steps/0/note",
        lambda on, text: on.http.post(f"{on.run}/scenarios", json={"document": {"steps": [{"note": text}]}}),
    ),
    ("/reason", lambda on, text: on.http.post(f"{on.run}/scenarios/1/stop", json={"reason": text})),
    ("/path", lambda on, text: on.http.get(f"/simulation-runs/{_segment(text)}")),
    ("/status", lambda on, text: on.http.get("/simulation-runs", params={"status": text})),
    ("/query", lambda on, text: on.http.get("/simulation-runs", params={f"a{text}": "1"})),
    ("/X-Request-ID", lambda on, text: on.http.post(f"{on.run}/commands/tick", headers={"X-Request-ID": text})),
    ("/Idempotency-Key", lambda on, text: on.http.post(f"{on.run}/scenarios", headers={"Idempotency-Key": text})),
]


def _with_header(name: str, text: str) -> Any:
    return {"credentials": {"headers": {name: text}}}


def _segment(text: str) -> str:
    """For a path. Encoded twice: a slash that is encoded once divides segments."""
    return quote(quote(text, safe=""), safe="")


def _encodings(secret: str) -> list[str]:
    return [secret, b64encode(secret.encode()).decode(), quote(secret, safe=""), percent_encoded(secret)]


@pytest.mark.parametrize(("pointer", "place"), PLACES, ids=[pointer for pointer, _ in PLACES])
def test_a_request_with_a_secret_is_refused_wherever_it_stands(service: Service, pointer: str, place: Place) -> None:
    """The problem names the place and the handle, and repeats nothing."""
    references = {BY_FILE: '{"secret": "by-file"}', BY_VARIABLE: '{"secret": "by_variable"}', OPERATOR: "Authorization"}
    for secret, reference in references.items():
        for text in _encodings(secret):
            answer = place(service, text)
            assert answer.status_code == 422, answer.text
            assert answer.json()["type"] == "urn:depot-sim:problem:secret-written"
            (fault,) = answer.json()["faults"]
            assert fault["pointer"] == pointer
            assert reference in fault["expected"]
            assert leaked(answer.content, SECRETS) == []


def test_no_problem_repeats_a_secret(service: Service) -> None:
    """Also where no route is found, which could refuse it: an unknown path, another method."""
    for secret in (BY_FILE, BY_VARIABLE, OPERATOR, INBOUND):
        for text in map(_segment, _encodings(secret)):
            for method, path, status in (("POST", f"/livez/{text}", 404), ("PATCH", f"/simulation-runs/{text}", 405)):
                answer = service.http.request(method, path)
                assert answer.status_code == status
                assert "***" in answer.json()["detail"]
                assert leaked(answer.content, SECRETS) == []
    answer = service.http.request(BY_VARIABLE, "/livez")
    assert answer.status_code == 405
    assert leaked(answer.content, SECRETS) == []


def test_a_feed_sends_secrets_and_records_none(service: Service, partner: Partner) -> None:
    partner.status = 200
    opened = service.feed(
        f"{partner.url}/packets",
        authorization="bearer",
        credentials={"outbound": {"secret": "by-variable"}, "headers": {"X-Api-Key": {"secret": "by-file"}}},
    )
    assert opened.status_code == 201, opened.text
    feed = f"{service.run}/packet-feeds/feed"
    packets = eventually(
        lambda: service.http.get(f"{feed}/packets", params={"delivery": "delivered"}).json()["packets"], bool
    )
    assert partner.requests[0]["X-Api-Key"] == BY_FILE
    whole = service.http.get(f"{feed}/packets/{packets[0]['packet_id']}")
    assert leaked(whole.content, SECRETS) == []
    assert b"***" in whole.content
    assert service.http.delete(feed).status_code < 300


def test_short_secrets_are_refused_at_start_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "pin").write_text("4711", encoding="utf-8")
    arguments = ("serve", "--db", "memory:", "--port", "0", "--secrets", str(tmp_path))
    with running(*arguments, DEPOT_SIM_SECRET_SHORT="hunter2") as process:
        finished = finish(process)
    assert finished.code == 2
    assert "DEPOT_SIM_SECRET_SHORT" in finished.err
    assert "the file pin" in finished.err
    assert "at least 8 characters" in finished.err
    assert "hunter2" not in finished.err
    assert "4711" not in finished.err
