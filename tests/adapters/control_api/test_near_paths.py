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
