"""Who may do what, through the front door."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from depot_sim.adapters.front_door.tokens import Tokens, listed
from depot_sim.application.access.actors import Actor, Role
from depot_sim.domain.kernel.errors import InvalidInput
from tests.adapters.control_api.client import Api, problem
from tests.domain.configuration.samples import depot

pytestmark = pytest.mark.anyio

VIEWER, OPERATOR = "viewer-token-0123456", "operator-token-01234"
Guarded = Callable[[str], Api]


async def test_without_a_token_nothing_is_told(guarded: Guarded) -> None:
    for path in ("/simulation-runs", "/simulation-configurations", "/metrics", "/read-models", "/simulation-runs/r"):
        response = await guarded("").get(path)
        problem(response, 401, "unauthorised")
        assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/openapi.json"])
async def test_what_monitors_and_newcomers_need_is_open(guarded: Guarded, path: str) -> None:
    assert (await guarded("").get(path)).status_code == 200


@pytest.mark.parametrize("token", ["wrong", VIEWER[:-1], VIEWER + "x", "é"])
async def test_a_wrong_token_is_refused_and_not_repeated(guarded: Guarded, token: str) -> None:
    headers = {b"Authorization": f"Bearer {token}".encode()}
    response = await guarded("").http.get("/simulation-runs", headers=headers)
    problem(response, 401, "unauthorised")
    assert token not in response.text or len(token) < 6


async def test_a_token_in_another_scheme_is_refused(guarded: Guarded) -> None:
    headers = {"Authorization": f"Basic {OPERATOR}"}
    problem(await guarded("").http.get("/simulation-runs", headers=headers), 401, "unauthorised")


async def test_a_viewer_reads_and_changes_nothing(guarded: Guarded) -> None:
    viewer = guarded(VIEWER)
    assert (await viewer.get("/simulation-runs")).status_code == 200
    for response in (
        await viewer.post("/simulation-configurations", depot()),
        await viewer.post("/simulation-runs", {"configuration_id": "c"}),
        await viewer.command("pause"),
        await viewer.http.delete("/simulation-configurations/c"),
        await viewer.http.put("/simulation-configurations/c"),
    ):
        assert "ana" in problem(response, 403, "forbidden")["detail"]


async def test_a_body_of_somebody_unknown_is_not_even_read(guarded: Guarded) -> None:
    problem(await guarded("").post("/simulation-configurations", b"{" * 100), 401, "unauthorised")


async def test_an_operator_may_change_and_the_record_names_who_it_was(guarded: Guarded) -> None:
    operator = guarded(OPERATOR)
    await operator.start()
    events = (await operator.get("/simulation-runs/r/events")).json()["events"]
    assert events[0]["origin"] == {"actor": "otto"}


async def test_without_tokens_only_this_machine_is_answered(api: Api) -> None:
    for host in ("127.0.0.1:8420", "localhost:8420", "localhost", "[::1]:8420"):
        assert (await api.get("/simulation-runs", headers={"Host": host})).status_code == 200
    for host in ("depot.example", "depot.example:8420", "127.0.0.1.example:80"):
        problem(await api.get("/simulation-runs", headers={"Host": host}), 403, "forbidden")


async def test_without_tokens_a_page_from_elsewhere_changes_nothing(api: Api) -> None:
    await api.start()
    problem(await api.command("pause", Origin="https://evil.example"), 403, "forbidden")
    assert (await api.command("pause", Origin="http://127.0.0.1:8420")).status_code == 200


def test_a_token_belongs_to_its_actor() -> None:
    tokens = Tokens(listed([f"ana:viewer:{VIEWER}", f" otto:operator:{OPERATOR}:with:colons "]))
    assert tokens.actor(VIEWER) == Actor("ana", Role.VIEWER)
    assert tokens.actor(f"{OPERATOR}:with:colons") == Actor("otto", Role.OPERATOR)
    assert tokens.actor(OPERATOR) is None
    assert tokens
    assert not Tokens()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("s3cret-s3cret-s3cret", "not NAME:ROLE:TOKEN"),
        ("ana:viewer:", "not NAME:ROLE:TOKEN"),
        ("ana:boss:s3cret-s3cret-s3cret", "unknown role"),
        ("s3cret-s3cret-s3cret:s3cret:s3cret-s3cret-s3cret", "unknown role"),
        ("ana:viewer:s3cret", "7 characters" if len("s3cret") == 7 else "6 characters"),
    ],
)
def test_a_bad_token_is_told_by_its_number_and_never_shown(text: str, found: str) -> None:
    with pytest.raises(InvalidInput) as error:
        Tokens(listed([f"ana:viewer:{VIEWER}", text]))
    (fault,) = error.value.faults
    assert fault.pointer == "/tokens/1"
    assert found in fault.found
    assert "s3cret" not in str(fault)


async def test_a_token_is_written_nowhere_but_into_authorization(guarded: Guarded) -> None:
    """Not even into what is only checked. Paths that need no token do not tell whether a guess is right."""
    operator, document = guarded(OPERATOR), depot() | {"name": f"depot of {VIEWER}"}
    refused = problem(await operator.post("/simulation-configurations", document), 422, "secret-written")
    verdict = await operator.post("/simulation-configurations/validate", document)
    assert (verdict.status_code, verdict.json()) == (200, {"valid": False, "faults": refused["faults"]})
    assert [fault["pointer"] for fault in refused["faults"]] == ["/name"]
    assert VIEWER not in verdict.text
    assert (await guarded("").get("/livez", params={"guess": VIEWER})).status_code == 200
    problem(await guarded("").get(f"/simulation-runs/{VIEWER}"), 401, "unauthorised")
