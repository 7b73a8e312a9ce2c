"""The documentation's example of a scenario, played in one line against a platform that takes packets."""

from __future__ import annotations

import re
from pathlib import Path

from tests.adapters.cli.command_line import depot_sim
from tests.e2e.conftest import Processes
from tests.e2e.oscp_stage import url_of
from tests.e2e.packet_stage import Scene
from tests.e2e.processes import ROOT


def test_the_pages_example_is_played_with_its_outage_and_its_expectation(processes: Processes, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    file = tmp_path / "silent-controller.yaml"
    file.write_text(re.findall(r"^```yaml\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[0], encoding="utf-8")
    sim, platform = processes
    endpoint = f"{url_of(platform)}/packets"
    line = ("scenario", "start", str(file), "--packets-endpoint", endpoint, "--url", url_of(sim), "--keep", "--json")
    played = depot_sim(*line)
    assert played.code == 0, played.out + played.err
    steps = {step["action"]: step for step in played.json["steps"]}
    assert steps["override"]["override_ids"] == steps["clear-overrides"]["override_ids"]
    assert steps["expect"]["expectation_id"]
    Scene(sim, platform, played.json["run_id"]).settle()
