"""`depot-sim configuration`: verdicts on definitions, imports, and what a store keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from depot_sim.adapters.configuration_import import load
from depot_sim.bootstrap.tools import toolbox
from depot_sim.domain.configuration.definition import Definition
from tests.adapters.cli.command_line import depot_sim

EXAMPLES = toolbox().examples
DATA = EXAMPLES / "data"

FAULTY = """\
name: Faulty
topology:
  nodes:
    - {id: grid, limit: -5 kW}
    - {id: yard, parent: nowhere}
vehicle: []
"""


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    path = tmp_path / "faulty.yaml"
    path.write_text(FAULTY, encoding="utf-8")
    return path


@pytest.mark.parametrize("depot", [*sorted(path.stem for path in EXAMPLES.glob("*.yaml")), "common-job:10"])
def test_every_depot_that_comes_along_is_sound(depot: str) -> None:
    code, out, err = depot_sim("configuration", "validate", depot)

    assert (code, err) == (0, "")
    assert out.startswith(f"{depot}: sound. ")


def test_every_fault_is_shown_with_its_place(faulty: Path) -> None:
    code, out, err = depot_sim("configuration", "validate", str(faulty))

    assert (code, err) == (1, "")
    for line, where in ((4, "/topology/nodes/0/limit"), (5, "/topology/nodes/1/parent"), (6, "/vehicle")):
        assert any(row.split()[:1] == [str(line)] and row.split()[2] == where for row in out.splitlines()), out


def test_programs_get_the_faults_as_json(faulty: Path) -> None:
    code, _, _ = result = depot_sim("configuration", "validate", str(faulty), "--json")

    assert code == 1
    assert result.json["valid"] is False
    fault = next(fault for fault in result.json["faults"] if fault["pointer"] == "/topology/nodes/0/limit")
    assert (fault["line"], fault["column"]) == (4, 25)
    assert set(fault) == {"pointer", "line", "column", "found", "expected"}


def test_a_sound_definition_is_valid_in_json_too() -> None:
    result = depot_sim("configuration", "validate", "three-bus-depot", "--json")

    assert result.json == {"file": "three-bus-depot", "valid": True, "faults": []}


def test_the_faults_of_a_run_s_depot_name_the_file(faulty: Path) -> None:
    code, _, err = depot_sim("run", str(faulty))

    assert code == 2
    assert err.startswith(f"error: {faulty}: ")
    assert "/topology/nodes/0/limit (line 4, column 25)" in err


IMPORTS = {
    "yaml": (EXAMPLES / "three-bus-depot.yaml", ()),
    "gtfs": (DATA / "gtfs-sample-feed.zip", ("--block-per-trip",)),
    "block-csv": (DATA / "mta_weekday_blocks_28_depots.csv", ("--depot", "MA")),
}


@pytest.mark.parametrize("name", IMPORTS)
def test_an_import_is_a_definition_that_loads(name: str, tmp_path: Path) -> None:
    source, options = IMPORTS[name]
    output = tmp_path / "depot.yaml"

    printed = depot_sim("configuration", "import", "--format", name, str(source), *options)
    written = depot_sim("configuration", "import", "--format", name, str(source), *options, "-o", str(output))

    assert (printed.code, printed.err, written.code, written.out) == (0, "", 0, "")
    assert output.read_text(encoding="utf-8") == printed.out
    assert load(output).document.vehicles


def test_an_older_definition_is_imported(tmp_path: Path) -> None:
    source = tmp_path / "circuits.yaml"
    charger = {"name": "C1", "rating_kw": 150}
    source.write_text(str({"name": "Old", "circuits": [{"name": "Main", "rating_kw": 500, "chargers": [charger]}]}))

    code, out, _ = depot_sim("configuration", "import", "--format", "legacy-circuits", str(source))

    assert code == 0
    assert out.startswith("name: Old\n")


def test_what_the_blocks_are_called_can_be_chosen() -> None:
    blocks = str(DATA / "mta_weekday_blocks_28_depots.csv")
    options = ("--depot", "MA", "--name", "Ours", "--attribution", "MTA", "--energy-column", "kwh_avg_gen3")

    out = depot_sim("configuration", "import", "--format", "block-csv", blocks, *options).out

    assert out.startswith("name: Ours\n")
    assert "\nattribution: MTA\n" in out


def test_an_import_that_fails_names_file_and_fault() -> None:
    blocks = str(DATA / "mta_weekday_blocks_28_depots.csv")

    code, out, err = depot_sim("configuration", "import", "--format", "block-csv", blocks, "--depot", "XX")

    assert (code, out) == (2, "")
    assert err.startswith(f"error: {blocks}: ")


def test_a_stored_configuration_is_shown_as_it_was_given(tmp_path: Path) -> None:
    db = f"sqlite:///{tmp_path / 'depot.db'}"
    depot_sim("run", "three-bus-depot", "--for", "1h", "--db", db, "--json")
    (run,) = depot_sim("runs", "--db", db, "--json").json

    code, out, _ = depot_sim("configuration", "show", run["configuration_id"], "--db", db)
    shown = tmp_path / "shown.yaml"
    shown.write_text(out, encoding="utf-8")
    document = depot_sim("configuration", "show", run["configuration_id"], "--db", db, "--json").json

    assert code == 0
    assert load(shown) == load(EXAMPLES / "three-bus-depot.yaml")
    assert Definition.of(document["document"]) == load(EXAMPLES / "three-bus-depot.yaml")
    assert (document["version"], document["newest"], document["archived"]) == (1, 1, False)


def test_a_version_that_does_not_exist_is_not_found(tmp_path: Path) -> None:
    db = f"sqlite:///{tmp_path / 'depot.db'}"
    depot_sim("run", "three-bus-depot", "--for", "1h", "--db", db, "--json")
    (run,) = depot_sim("runs", "--db", db, "--json").json

    code, _, err = depot_sim("configuration", "show", run["configuration_id"], "--version", "2", "--db", db)

    assert code == 2
    assert "has no version 2" in err
