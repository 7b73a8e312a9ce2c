"""schemathesis reads the two API descriptions and tries what they allow and what they forbid: no 5xx, no breach."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.oscp_connections import MortalSimulator, mortal_simulator, url_of
from tests.e2e.oscp_sockets import Raw, online_by_hand
from tests.e2e.oscp_stage import start_run
from tests.full_set import examples, is_full
from tests.patience import patient

COMMAND = Path(sys.executable).with_name("schemathesis")
OPTIONS = (
    "--seed=1",
    "--generation-deterministic",
    "--suppress-health-check=all",
    "--warnings=off",
    "--no-color",
    f"--request-timeout={patient(60)}",
    # Rules go beyond a schema: what it allows may be refused.
    "--exclude-checks=positive_data_acceptance",
)
CONTROL_API = """\
[parameters]
"path.run_id" = "{run_id}"
"path.session_id" = "{session_id}"
"path.configuration_id" = "{configuration_id}"

# They would end what the others need.
[[operations]]
include-operation-id = ["command_stop", "delete_oscp_session", "archive_configuration"]
enabled = false

# They take the same definition as create_configuration, which has thousands of cases.
[[operations]]
include-operation-id = ["replace_configuration", "validate_configuration"]
enabled = false

# It answers what is wrong with anything at all.
[[operations]]
include-operation-id = ["check_scenario"]
checks.negative_data_rejection.enabled = false
"""

ONLY_FULL = """
# More than half of all cases; create_oscp_session and raise_packet_expectation have bodies of the same kind as the
# first group, and the other commands as the second.
[[operations]]
include-operation-id = [
    "create_configuration", "open_packet_feed", "change_packet_overrides", "change_oscp_overrides",
    "raise_oscp_expectation", "plan_oscp_forecast", "oscp_send_forecast", "oscp_send_forecast_set",
]
enabled = false

[[operations]]
include-operation-id = [
    "command_clear_charger_fault", "command_clear_sensor_fault", "command_end_node_outage",
    "command_force_sensor_value", "command_set_bess_soc", "command_set_charging_limit",
    "command_set_connector_network", "command_set_controller_heartbeats", "command_set_export_limit",
    "command_set_fail_safe_limit", "command_set_sensor_availability", "command_set_soc", "command_set_target_soc",
    "command_start_charging", "command_stop_charging", "command_unplug", "command_withdraw_forecast",
]
enabled = false
"""


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MortalSimulator]:
    folder = tmp_path_factory.mktemp("simulator")
    with mortal_simulator(f"sqlite:///{folder / 'store.db'}", folder) as started:
        start_run(started.http, run_id="r")
        yield started


@pytest.fixture
def raw(simulator: MortalSimulator) -> Raw:
    return online_by_hand(simulator.http, "r")


def explore(url: str, folder: Path, *options: str, configuration: str = "") -> subprocess.CompletedProcess[str]:
    (folder / "schemathesis.toml").write_text(configuration)
    command = [str(COMMAND), "run", url, *OPTIONS, *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_the_protocol_api_does_what_its_description_says(simulator: MortalSimulator, raw: Raw, tmp_path: Path) -> None:
    url = f"{url_of(simulator.http)}/oscp/cp/2.0/openapi.json"
    header = f"--header=X-OSCP-Configuration-ID: {raw.configuration_id}"
    tried = f"--max-examples={examples(10, 3)}"
    explored = explore(url, tmp_path, header, tried, "--exclude-path-regex=/register$")

    assert explored.returncode == 0, f"{explored.stdout}{explored.stderr}"


@pytest.mark.full
def test_the_protocol_api_does_so_for_a_partner_nobody_knows(simulator: MortalSimulator, tmp_path: Path) -> None:
    explored = explore(f"{url_of(simulator.http)}/oscp/cp/2.0/openapi.json", tmp_path, "--phases=coverage")

    assert explored.returncode == 0, f"{explored.stdout}{explored.stderr}"


def test_the_control_api_does_what_its_description_says(simulator: MortalSimulator, raw: Raw, tmp_path: Path) -> None:
    configurations = simulator.http.get("/simulation-configurations").json()["configurations"]
    configuration = (CONTROL_API if is_full() else CONTROL_API + ONLY_FULL).format(
        run_id="r", session_id=raw.cp.session_id, configuration_id=configurations[0]["id"]
    )
    explored = explore(
        f"{url_of(simulator.http)}/openapi.json",
        tmp_path,
        "--phases=coverage",
        # The framework's own answer to OPTIONS names the methods of a path's first operation only.
        "--exclude-checks=positive_data_acceptance,allow_header_conformance",
        configuration=configuration,
    )

    assert explored.returncode == 0, f"{explored.stdout}{explored.stderr}"
