"""A mistyped path is answered with the one that was probably meant."""

from __future__ import annotations

import pytest

from tests.adapters.control_api.client import Api, problem

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("/simulation-run", "/simulation-runs"),
        ("/simulation-runs/tuesday/comands/stop", "/simulation-runs/tuesday/commands/stop"),
        ("/simulation-runs/tuesday/commands/fault-chargers", "/simulation-runs/tuesday/commands/fault-charger"),
        ("/simulation-runs/tuesday/vehicle/bus-1", "/simulation-runs/tuesday/vehicles/bus-1"),
    ],
)
async def test_a_mistyped_path_names_the_one_meant(api: Api, path: str, meant: str) -> None:
    answer = problem(await api.get(path), 404, "no-such-route")
    assert answer["detail"] == f"there is no {path}"
    assert answer["hint"].startswith(f"did you mean {meant}?")


@pytest.mark.parametrize("path", ["/", "/docs", "/simulation-runs/" + "x/" * 1_000])
async def test_a_path_like_no_other_points_at_the_description(api: Api, path: str) -> None:
    answer = problem(await api.get(path), 404, "no-such-route")
    assert answer["hint"] == "see /openapi.json for the paths there are"


@pytest.mark.parametrize("path", ["/simulation-runs//commands/stop", "/simulation-configurations//versions/1/x"])
async def test_an_empty_segment_of_a_path_is_named(api: Api, path: str) -> None:
    answer = problem(await api.get(path), 404, "no-such-route")
    assert answer["hint"] == "a segment of the path is empty (two slashes in a row): write the name or id there"
