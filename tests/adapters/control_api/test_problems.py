"""Bad input of every kind: a clear answer, nothing changed, nothing lost."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from depot_sim.adapters.control_api.problems import EXCEPTION_HANDLERS, MEDIA_TYPE, problem_of, status_of
from depot_sim.bootstrap.service import Service
from depot_sim.domain.kernel import errors
from tests.adapters.control_api.client import Api, pointers, problem
from tests.domain.configuration.samples import depot

pytestmark = pytest.mark.anyio

CONFIGURATIONS = "/simulation-configurations"


async def nothing_was_saved(api: Api) -> bool:
    return bool((await api.get(CONFIGURATIONS)).json()["configurations"] == [])


@pytest.mark.parametrize(
    ("body", "media_type", "line", "column"),
    [
        (b'{\n  "name": }', "application/json", 2, 11),
        (b'{"name": "x"', "application/json", 1, 13),
        (b"name: [a\nb: c", "application/yaml", 2, 2),
        (b"name: *a", "application/yaml", 1, 7),
        (b"a: 1\na: 2", "application/yaml", 2, 1),
    ],
)
async def test_a_body_that_is_no_text_of_its_type_tells_line_and_column(
    api: Api, body: bytes, media_type: str, line: int, column: int
) -> None:
    answer = problem(await api.post(CONFIGURATIONS, body, Content_Type=media_type), 400, "malformed-body")
    assert (answer["faults"][0]["line"], answer["faults"][0]["column"]) == (line, column)
    assert await nothing_was_saved(api)


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 100_000, b"NaN", b'{"a": 1, "a": 2}', b"9" * 200],
    ids=["empty", "not UTF-8", "deep lists", "deep objects", "NaN", "a field twice", "a long number"],
)
async def test_odd_bodies_are_refused_without_harm(api: Api, body: bytes) -> None:
    problem(await api.post(CONFIGURATIONS, body), 400, "malformed-body")
    assert await nothing_was_saved(api)


async def test_deep_yaml_is_refused_without_harm(api: Api) -> None:
    response = await api.post(CONFIGURATIONS, b"[" * 10_000, Content_Type="application/yaml")
    problem(response, 400, "malformed-body")


@pytest.mark.parametrize("body", [b"null", b"[]", b"3", b'"text"'])
async def test_a_body_that_is_no_object_is_refused(api: Api, body: bytes) -> None:
    assert pointers(problem(await api.post(CONFIGURATIONS, body), 422, "invalid-input")) == [""]


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "nonsense", ""])
async def test_a_body_of_another_type_is_refused(api: Api, media_type: str) -> None:
    response = await api.post(CONFIGURATIONS, b"{}", Content_Type=media_type)
    assert "application/json" in problem(response, 415, "unsupported-media-type")["hint"]


@pytest.mark.parametrize("media_type", ["application/json; charset=utf-8", "application/depot+json", "TEXT/YAML"])
async def test_types_that_mean_the_same_are_read(api: Api, media_type: str) -> None:
    import json

    response = await api.post(CONFIGURATIONS, json.dumps(depot()).encode(), Content_Type=media_type)
    assert response.status_code == 201


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        (("/colour", "red"), "/colour"),
        (("/topology/nodes/0/limit", 200), "/topology/nodes/0/limit"),
        (("/topology/nodes/0/limit", "200 km"), "/topology/nodes/0/limit"),
        (("/topology/nodes/0/limit", "-200 kW"), "/topology/nodes/0/limit"),
        (("/topology/nodes/0/parent", "yard"), "/topology/nodes"),
        (("/managed_scopes/0/node", "nowhere"), "/managed_scopes/0/node"),
        (("/vehicles/0/duties/0/returns", "04:00"), "/vehicles/0/duties/0/returns"),
    ],
    ids=["unknown field", "no unit", "wrong unit", "negative", "cycle", "scope on a missing node", "backwards"],
)
async def test_a_definition_that_makes_no_sense_is_refused_at_its_place(
    api: Api, change: tuple[str, Any], pointer: str
) -> None:
    answer = problem(await api.post(CONFIGURATIONS, depot(change)), 422, "invalid-input")
    assert any(found.startswith(pointer) for found in pointers(answer)), answer
    assert all(fault["expected"] for fault in answer["faults"])
    assert await nothing_was_saved(api)


async def test_a_body_of_50_mb_is_refused_before_it_is_read(api: Api) -> None:
    read = 0

    async def endless() -> Any:
        nonlocal read
        for _ in range(50):
            read += 1
            yield b" " * 2**20

    announced = await api.http.post(
        CONFIGURATIONS, content=b"{}", headers={"Content-Type": "application/json", "Content-Length": str(50 * 2**20)}
    )
    problem(announced, 413, "body-too-large")
    streamed = await api.http.post(CONFIGURATIONS, content=endless(), headers={"Content-Type": "application/json"})
    problem(streamed, 413, "body-too-large")
    assert read <= 22
    assert await nothing_was_saved(api)


async def test_commands_have_a_tighter_bound(api: Api) -> None:
    await api.start()
    problem(await api.command("pause", b" " * (2**20 + 1)), 413, "body-too-large")


async def test_an_unknown_path_and_a_wrong_method_are_problems_too(api: Api) -> None:
    problem(await api.get("/nowhere"), 404, "no-such-route")
    response = await api.http.patch("/simulation-runs")
    problem(response, 405, "method-not-allowed")
    assert {"GET", "POST"} <= set(response.headers["allow"].split(", "))


async def test_a_store_that_fails_is_unavailable(api: Api, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    await api.start()

    def broken(*_: object, **__: object) -> Any:
        raise errors.StoreError("the disk is gone", "look after the disk")

    monkeypatch.setattr(service.backend.log, "read_stream", broken)
    response = await api.get("/simulation-configurations/c")
    assert problem(response, 503, "store-error")["hint"] == "look after the disk"
    assert response.headers["retry-after"]


async def test_a_defect_tells_nothing_of_the_inside(
    api: Api, service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def defect(*_: object, **__: object) -> Any:
        raise RuntimeError("secret inside")

    monkeypatch.setattr(service.backend.log, "read_stream", defect)
    response = await api.get("/simulation-configurations/c")
    problem(response, 500, "internal")
    assert "secret" not in response.text
    assert "secret inside" in caplog.text


def every_error() -> list[type[errors.DepotSimError]]:
    found, looking = [], [errors.DepotSimError]
    while looking:
        cls = looking.pop()
        found.append(cls)
        looking += cls.__subclasses__()
    return [
        cls
        for cls in found
        if cls.__module__ in ("depot_sim.domain.kernel.errors", "depot_sim.adapters.control_api.problems")
    ]


def test_every_error_has_a_status_of_its_own_kind() -> None:
    statuses = {cls.__name__: status_of(cls) for cls in every_error() if cls.__name__ != "RequestError"}
    assert statuses == {
        "DepotSimError": 500,
        "InvalidInput": 422,
        "MalformedBody": 400,
        "NotFound": 404,
        "Conflict": 409,
        "CommandRefused": 409,
        "VersionConflict": 409,
        "LeaseLost": 409,
        "RunHeldElsewhere": 409,
        "PreconditionFailed": 412,
        "StoreError": 503,
        "StoreUnreadable": 503,
        "StoreInUse": 503,
        "StoreTooNew": 503,
        "UnknownTopic": 503,
        "UnsupportedMediaType": 415,
        "PreconditionRequired": 428,
        "Unauthorised": 401,
        "Forbidden": 403,
        "TooManyRequests": 429,
        "TooBusy": 503,
        "MemoryShort": 503,
        "MemoryReserveGone": 503,
        "ServiceStopping": 503,
        "ClientDisconnected": 400,
    }


def test_a_problem_says_everything_the_error_does() -> None:
    held = problem_of(errors.RunHeldElsewhere("r", "http://there"))
    assert (held.status, held.holder, held.hint) == (409, "http://there", "send the command to http://there")
    assert errors.DepotSimError in EXCEPTION_HANDLERS
    assert MEDIA_TYPE == "application/problem+json"
    assert httpx.codes(held.status).name == "CONFLICT"


async def test_no_more_than_100_characters_of_a_path_or_method_come_back(api: Api) -> None:
    answers = [
        problem(await api.http.request(method, path), status, kind)
        for method, path, status, kind in (
            ("GET", "/" + "x" * 30_000, 404, "no-such-route"),
            ("X" * 30_000, "/simulation-runs", 405, "method-not-allowed"),
            ("DELETE", "/simulation-runs/" + "x" * 30_000, 405, "method-not-allowed"),
        )
    ]
    assert [len(answer["detail"]) < 250 for answer in answers] == [True] * 3


async def test_a_method_that_is_not_taken_is_named(api: Api) -> None:
    response = await api.http.delete("/simulation-runs/r")
    assert problem(response, 405, "method-not-allowed")["detail"] == "/simulation-runs/r does not take DELETE"
    assert "GET" in response.headers["allow"]
