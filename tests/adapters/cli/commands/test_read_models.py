"""`depot-sim read-models`: rebuilt, compared, and how far they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from depot_sim.bootstrap.families import FAMILIES
from depot_sim.bootstrap.tools import StoredReadModels
from tests.adapters.cli.command_line import depot_sim
from tests.projections.every_model import MODELS
from tests.read_only_folder import reachable_folder, reading_only

NAMES = [model.name for model in MODELS]


@pytest.fixture
def db(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path / 'depot.db'}"
    assert depot_sim("run", "three-bus-depot", "--for", "1h", "--db", url, "--json").code == 0
    return url


def test_all_are_rebuilt_up_to_the_head_of_the_log(db: str) -> None:
    before = depot_sim("read-models", "status", "--db", db, "--json").json
    rebuilt = depot_sim("read-models", "rebuild", "--all", "--db", db, "--json").json
    after = depot_sim("read-models", "status", "--db", db, "--json").json

    assert [(model["read_model"], model["position"]) for model in before] == [(name, 0) for name in NAMES]
    assert [model["read_model"] for model in rebuilt] == NAMES
    assert all(model["position"] == before[0]["lag"] > 0 for model in rebuilt)
    assert all((model["position"], model["lag"]) == (before[0]["lag"], 0) for model in after)


def test_one_is_rebuilt_and_equals_its_old_self(db: str) -> None:
    for _ in range(2):
        code, out, _ = depot_sim("read-models", "rebuild", "runs", "--verify", "--db", db)

    assert code == 0
    assert out.splitlines()[1].split()[0] == "runs"
    assert "equal to the old tables" in out
    assert depot_sim("read-models", "status", "--db", db).out.splitlines()[2].split()[:2] == ["configurations", "0"]


@dataclass(frozen=True)
class Different:
    read_model: str
    position: int = 7
    equal: bool = False


class DifferingReadModels(StoredReadModels):
    def rebuild(self, *_: Any, **__: Any) -> Different:
        return Different("runs")


def test_tables_that_differ_fail_the_verdict(db: str) -> None:
    rebuild = ("read-models", "rebuild", "runs", "--verify", "--db", db)

    code, out, _ = depot_sim(*rebuild, read_models=DifferingReadModels(FAMILIES))

    assert code == 1
    assert "DIFFERENT" in out


READERS = (
    ("runs",),
    ("world", "r"),
    ("events", "r"),
    ("replay", "r"),
    ("read-models", "status"),
)


def test_commands_that_read_work_where_nothing_may_be_written() -> None:
    with reachable_folder() as folder:
        db = f"sqlite:///{folder / 'depot.db'}"
        assert depot_sim("run", "three-bus-depot", "--for", "1h", "--run-id", "r", "--db", db, "--json").code == 0
        depot_sim("read-models", "rebuild", "runs", "--db", db)
        before = [depot_sim(*reader, "--db", db) for reader in READERS]
        files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        with reading_only(folder):
            assert [depot_sim(*reader, "--db", db) for reader in READERS] == before
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == files
    assert [result.code for result in before] == [0, 0, 0, before[3].code, 0]
    assert before[3].code in (0, 1)  # 1: a run without a recorded state hash proves nothing


def test_the_status_of_a_store_makes_no_read_models(tmp_path: Path) -> None:
    db = f"sqlite:///{tmp_path / 'depot.db'}"
    assert depot_sim("run", "three-bus-depot", "--for", "1h", "--db", db, "--json").code == 0
    before = set(tmp_path.rglob("*"))
    assert {model["position"] for model in depot_sim("read-models", "status", "--db", db, "--json").json} == {0}
    assert set(tmp_path.rglob("*")) == before
