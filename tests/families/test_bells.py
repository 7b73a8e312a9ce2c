"""A protocol family is a folder and a line: bells, served beside the families of the product on both stores."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from depot_sim.adapters.control_api import create_app
from depot_sim.bootstrap.families import FAMILIES
from depot_sim.bootstrap.family import ProtocolFamily
from depot_sim.bootstrap.front_door import behind_front_door
from depot_sim.bootstrap.service import open_service
from depot_sim.bootstrap.settings import Identity, Settings
from depot_sim.bootstrap.tools import toolbox
from depot_sim.domain.interaction.overrides import ALL
from tests.adapters.control_api.client import Api
from tests.families.bells.family import BELLS_FAMILY

pytestmark = pytest.mark.anyio

WITH_BELLS = (*FAMILIES, BELLS_FAMILY)
BELL = "/simulation-runs/r/bells/tower"
SCENARIO = {
    "name": "muffled-bell",
    "needs": {"bell": "bell"},
    "steps": [
        {"at": "0 s", "override": {"on": "$bell", "mode": "muffled"}},
        {"at": "0 s", "expect": {"on": "$bell", "within": "5 min", "messages": [{"message_types": ["Ring"]}]}},
        {"at": "1 min", "ring": {"on": "$bell", "sound": "dong"}},
        {"at": "2 min", "clear-overrides": {"on": "$bell"}},
        {"at": "2 min", "ring": {"on": "$bell"}},
    ],
    "lasts": "3 min",
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def serving(url: str, families: tuple[ProtocolFamily, ...] = WITH_BELLS) -> AsyncIterator[Api]:
    async with open_service(Settings(db=url), Identity("here"), families=families) as service:
        app = create_app(service.backend)
        transport = httpx.ASGITransport(behind_front_door(app, app, service.doors))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8420") as client:
            yield Api(client)


async def hang_bell(api: Api) -> None:
    await api.start()
    assert (await api.post("/simulation-runs/r/bells")).status_code == 201


async def ring(api: Api, sound: str) -> None:
    assert (await api.post("/simulation-runs/r/bells/rings", {"on": "tower", "sound": sound})).status_code == 201


async def rings(api: Api) -> Any:
    return (await api.get("/simulation-runs/r/bells/rings")).json()


async def test_a_bell_is_served_muffled_and_waited_for(store_url: str) -> None:
    async with serving(store_url) as api:
        assert (await api.get("/bell-override-modes")).json()["override_modes"][0]["name"] == "muffled"
        await hang_bell(api)
        assert (await api.http.patch(f"{BELL}/overrides", json={"mode": "muffled"})).json()["target"] == "tower"
        expected = {"messages": [{"message_types": ["Ring"]}], "within_ms": 60_000}
        raised = (await api.post(f"{BELL}/expectations", expected)).json()
        await ring(api, "dong")
        waiting = (await api.get(f"{BELL}/expectations/{raised['expectation_id']}")).json()
        await api.http.patch(f"{BELL}/overrides", json={"clear": ALL})
        await ring(api, "ding")
        met = (await api.get(f"{BELL}/expectations/{raised['expectation_id']}", params={"wait": 5})).json()

        assert await rings(api) == ["creak sent", "dong withheld", "ding sent"]
        assert (waiting["verdict"], met["verdict"]) == ("waiting", "met")


async def test_what_is_done_to_a_bell_on_purpose_is_found_by_its_id_and_ended_by_a_reset(store_url: str) -> None:
    async with serving(store_url) as api:
        await hang_bell(api)
        muffling = {"mode": "muffled", "reason": "it is night"}
        (id,) = (await api.http.patch(f"{BELL}/overrides", json=muffling)).json()["override_ids"]
        assert (await api.post("/simulation-runs/r/reset")).json() == {
            "reset": [{"kind": "bell", "target": "tower", "interventions": [id], "expectations": []}]
        }
        (listed,) = (await api.get("/simulation-runs/r/interventions")).json()["interventions"]
        found = (await api.get(f"/interventions/{id}")).json()
        assert found == listed | {"run_id": "r", "override": found["override"]}
        assert (found["name"], found["reason"], found["ended_by"]) == ("muffled", "it is night", "cleared")


async def test_a_scenario_rings_a_bell_and_has_the_same_verdict_after_a_restart(store_url: str) -> None:
    async with serving(store_url) as api:
        await hang_bell(api)
        started = await api.post("/simulation-runs/r/scenarios", {"document": SCENARIO})
        assert started.status_code == 201, started.text
        await api.tick(4)
        execution = (await api.get("/simulation-runs/r/scenarios/1")).json()
        assert execution["status"] == "passed", execution
        assert [step["state"] for step in execution["steps"]] == ["applied"] * 5
        assert await rings(api) == ["creak sent", "dong withheld", "ding sent"]
        (muffling,) = (await api.get("/simulation-runs/r/interventions")).json()["interventions"]
        assert (muffling["name"], muffling["reason"]) == ("muffled", "scenario muffled-bell, execution 1")

    async with serving(store_url) as api:
        assert (await api.get("/simulation-runs/r/scenarios/1")).json() == execution
        rebuilt = await api.post("/read-models/rings/rebuild?verify=true")
        assert (rebuilt.json()["equal"], await rings(api)) == (True, ["creak sent", "dong withheld", "ding sent"])


async def test_without_the_line_nothing_knows_of_bells(sqlite_url: str) -> None:
    async with serving(sqlite_url, FAMILIES) as api:
        await api.start()
        verdict = (await api.post("/scenario-library/check", SCENARIO)).json()
        assert (await api.post("/simulation-runs/r/bells")).status_code == 404

    assert not verdict["valid"]
    assert {fault["pointer"] for fault in verdict["faults"]} >= {"/needs/bell", "/steps/2/ring"}
    assert "rings" not in toolbox().read_models.names
    assert toolbox(WITH_BELLS).read_models.names[-1] == "rings"


async def test_an_action_is_for_targets_of_its_own_family(sqlite_url: str) -> None:
    needs = {"feed": "packet-feed"}
    steps = [{"at": "0 s", "ring": {"on": "$feed"}}, {"at": "0 s", "ring": {"on": "$feed", "sound": 1}}]
    async with serving(sqlite_url) as api:
        verdict = (await api.post("/scenario-library/check", SCENARIO | {"needs": needs, "steps": steps})).json()

    faults = {fault["pointer"]: fault["expected"] for fault in verdict["faults"]}
    assert faults["/steps/0/ring/on"] == "a bell"
    assert "/steps/1/ring/sound" in faults
