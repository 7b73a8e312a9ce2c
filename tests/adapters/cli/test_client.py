"""The client: every way a server can refuse or fail becomes an error of ours, with what the server said."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import msgspec
import pytest

from depot_sim.adapters.cli.client import Client
from depot_sim.adapters.cli.failures import ServerFailed, ServerRefused, Unreachable, UsageError, exit_code
from depot_sim.domain.kernel.errors import DepotSimError, InvalidInput

URL = "http://depot.example"
Answer = Callable[[httpx.Request], httpx.Response]


def client(answer: Answer, token: str | None = None) -> Client:
    return Client(URL, token, httpx.MockTransport(answer))


def problem(status: int, **said: object) -> Answer:
    body = msgspec.json.encode({"type": "urn:x", "title": "Title", "status": status, **said})
    return lambda _: httpx.Response(status, content=body)


@pytest.mark.parametrize(
    ("status", "expected", "code"),
    [
        (400, ServerRefused, 2),
        (403, ServerRefused, 2),
        (404, ServerRefused, 2),
        (409, ServerRefused, 2),
        (500, ServerFailed, 4),
        (502, Unreachable, 3),
        (503, Unreachable, 3),
        (504, Unreachable, 3),
    ],
)
def test_a_problem_document_becomes_an_error_with_its_words(
    status: int, expected: type[DepotSimError], code: int
) -> None:
    with client(problem(status, detail="it is so", hint="do this")) as asked, pytest.raises(expected) as error:
        asked.get("/x")

    assert "it is so" in error.value.detail
    assert error.value.hint == "do this"
    assert exit_code(error.value) == code


def test_the_hint_for_a_missing_token_names_the_option() -> None:
    answer = problem(401, detail="the request has no bearer token", hint="send the header Authorization: Bearer TOKEN")
    with client(answer) as asked, pytest.raises(ServerRefused) as error:
        asked.get("/x")

    assert error.value.detail == "the request has no bearer token"
    assert error.value.hint == "give a token of the service by --token TOKEN or DEPOT_SIM_TOKEN"


def test_the_server_s_faults_are_ours() -> None:
    fault = {"pointer": "/a", "found": "1", "expected": "2", "line": 3, "column": 4}

    with client(problem(422, faults=[fault])) as asked, pytest.raises(InvalidInput) as error:
        asked.post("/x", b"{}")

    assert msgspec.to_builtins(error.value.faults[0]) == fault


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"title": 1}'])
def test_an_error_without_an_explanation_is_one_all_the_same(body: bytes) -> None:
    with client(lambda _: httpx.Response(404, content=body)) as asked, pytest.raises(ServerRefused, match="404"):
        asked.get("/x")


def test_a_streamed_refusal_is_read_too() -> None:
    with client(problem(404, detail="no such run")) as asked, pytest.raises(ServerRefused, match="no such run"):
        list(asked.lines("/x", [], {}, patience=1))


def test_what_is_asked_reaches_the_server() -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, text="fine\n")

    with client(answer, token="secret") as operator, client(answer) as nobody:
        assert operator.get("/runs", {"at": "+90 min"}) == b"fine\n"
        assert list(operator.lines("/events", [("type", "a"), ("type", "b")], {}, patience=1)) == ["fine"]
        assert nobody.post("/runs", b"{}") == b"fine\n"

    assert [(request.method, request.url.path) for request in asked] == [
        ("GET", "/runs"),
        ("GET", "/events"),
        ("POST", "/runs"),
    ]
    assert asked[0].url.params["at"] == "+90 min"
    assert asked[1].url.params.get_list("type") == ["a", "b"]
    assert [request.headers.get("authorization") for request in asked] == ["Bearer secret", "Bearer secret", None]


def test_a_connection_that_breaks_is_told_with_the_server_s_url() -> None:
    def breaks(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadError("reset by peer")

    with client(breaks) as asked, pytest.raises(Unreachable, match=r"depot\.example: reset by peer"):
        asked.get("/x")


@pytest.mark.parametrize("url", ["depot", "ftp://depot", "http://", "http://[::"])
def test_what_is_no_url_of_a_server_is_wrong_usage(url: str) -> None:
    with pytest.raises(UsageError, match="not the URL"):
        Client(url)
