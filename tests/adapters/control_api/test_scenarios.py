"""/scenario-library and /simulation-runs/{run_id}/scenarios."""

from __future__ import annotations

from typing import Any

import pytest

from tests.adapters.control_api.client import Api, pointers, problem
from tests.adapters.control_api.oscp import OscpApi
from tests.domain.configuration.samples import depot
from tests.domain.scenario.scripts import script

pytestmark = pytest.mark.anyio

RUN = "/simulation-runs/r"
YAML = """\
name: broken
needs: {battery: bess}
steps:
  - at: 10 s
    set-bess-sco: {bess: $battery}
  - {at: 5 s, set-bess: {bess: $battry, setpoint: 5}}
"""


async def test_the_library_is_listed_and_read(api: Api) -> None:
    listed = (await api.get("/scenario-library")).json()["scenarios"]
    assert "bba-all-fields" in [one["name"] for one in listed]
    read = (await api.get("/scenario-library/bba-mode-table")).json()
    needs = {"controller": "controller", "node": "node", "battery": "bess", "roof": "pv", "feed": "packet-feed"}
    assert read["summary"]["needs"] == needs
    assert read["document"]["name"] == "bba-mode-table"
    assert read["text"].startswith("name: bba-mode-table\n")


async def test_a_name_the_library_does_not_have_is_answered_with_the_nearest(api: Api) -> None:
    assert "bba-all-fields" in problem(await api.get("/scenario-library/bba-all-feilds"), 404, "not-found")["hint"]


async def test_a_check_tells_every_fault_with_line_and_column(api: Api) -> None:
    verdict = (await api.post("/scenario-library/check", YAML.encode(), Content_Type="application/yaml")).json()
    places = [(fault["pointer"], fault["line"], fault["column"]) for fault in verdict["faults"]]
    assert verdict["valid"] is False
    assert sorted(places) == [
        ("/steps/0/set-bess-sco", 5, 19),
        ("/steps/1/at", 6, 10),
        ("/steps/1/set-bess/bess", 6, 32),
        ("/steps/1/set-bess/setpoint", 6, 51),
    ]


async def test_a_sound_scenario_is_checked_without_a_run(api: Api) -> None:
    verdict = (await api.post("/scenario-library/check", script())).json()
    assert (verdict["valid"], verdict["scenario"]["lasts_ms"], verdict["faults"]) == (True, 900_000, [])


async def test_a_scenario_is_started_followed_and_over(api: Api) -> None:
    await api.start()
    begun = await api.post(f"{RUN}/scenarios", {"document": script(), "names": {"node": "yard"}})
    assert (begun.status_code, begun.headers["location"]) == (201, f"{RUN}/scenarios/1")
    assert begun.json()["names"]["node"] == "yard"
    await api.tick(20)

    read = (await api.get(f"{RUN}/scenarios/1")).json()
    nothing = ["the scenario expects no message, so nothing was verified"]
    assert (read["status"], read["verdict"], read["reasons"]) == ("unverified", "unverified", nothing)
    assert [step["state"] for step in read["steps"]] == ["applied"] * 4
    (listed,) = (await api.get(f"{RUN}/scenarios")).json()["scenarios"]
    assert (listed["name"], listed["steps_done"], listed["steps_total"]) == ("quiet-controller", 4, 4)


async def test_faults_of_a_document_in_a_request_have_their_place_in_its_text(api: Api) -> None:
    await api.start()
    body = b"document:\n  name: x\n  steps:\n  - {at: 1 s, unplugg: {}}\n"
    refused = problem(await api.post(f"{RUN}/scenarios", body, Content_Type="application/yaml"), 422, "invalid-input")
    assert pointers(refused) == ["/document/steps/0/unplugg"]
    assert (refused["faults"][0]["line"], refused["faults"][0]["expected"]) == (4, '"unplug" or "plug"')


async def test_a_scenario_is_called_off_for_a_reason(api: Api) -> None:
    await api.start()
    await api.post(f"{RUN}/scenarios", {"document": script()})
    stopped = (await api.post(f"{RUN}/scenarios/1/stop", {"reason": "lunch"})).json()
    assert (stopped["status"], stopped["reasons"]) == ("stopped", ["lunch"])
    problem(await api.post(f"{RUN}/scenarios/1/stop", {}), 409, "conflict")


async def test_a_start_under_a_key_happens_once(api: Api) -> None:
    await api.start()
    first, again = [await api.post(f"{RUN}/scenarios", {"document": script()}, Idempotency_Key="k") for _ in range(2)]
    assert first.json() == again.json()
    assert len((await api.get(f"{RUN}/scenarios")).json()["scenarios"]) == 1


async def test_an_unsound_preset_is_a_fault_of_the_configuration(api: Api) -> None:
    spoilt = script(steps=[{"at": "1 s", "unplugg": {}}], lasts=None)
    document = depot(("/scenario_presets/-", {"id": "mine", "settings": {"scenario": spoilt}}))
    refused = problem(await api.post("/simulation-configurations", document), 422, "invalid-input")
    assert pointers(refused) == ["/scenario_presets/1/settings/scenario/steps/0/unplugg"]


async def test_overrides_and_expectations_reach_a_session(session: OscpApi) -> None:
    steps: list[dict[str, Any]] = [
        {"at": "0 s", "override": {"on": "$session", "mode": "network_outage"}},
        {"at": "0 s", "expect": {"on": "$session", "within": "1 min", "messages": [{"message_types": ["Heartbeat"]}]}},
        {"at": "1 min", "clear-overrides": {"on": "$session"}},
    ]
    api = session.api
    document = {"name": "forced", "needs": {"session": "oscp-session"}, "steps": steps}
    begun = (await api.post(f"{RUN}/scenarios", {"document": document})).json()
    overrides = (await session.get("/overrides")).json()["overrides"]
    assert [one["override_id"] for one in overrides] == begun["steps"][0]["override_ids"]
    expectations = (await session.get("/expectations")).json()["expectations"]
    assert [one["expectation_id"] for one in expectations] == [begun["steps"][1]["expectation_id"]]

    await api.tick(2)
    assert (await session.get("/overrides")).json()["overrides"] == []
