"""`depot-sim replay`: the verdict on a stored run."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from tests.adapters.cli.command_line import depot_sim


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A store with a finished run "r"."""
    path = tmp_path / "depot.db"
    code = depot_sim(
        "run", "three-bus-depot", "--for", "6h", "--db", f"sqlite:///{path}", "--run-id", "r", "--json"
    ).code
    assert code == 0
    return path


def events_table(connection: sqlite3.Connection) -> str:
    columns = "sql LIKE '%topic%' AND sql LIKE '%state%'"
    (table,) = connection.execute(f"SELECT name FROM sqlite_master WHERE type = 'table' AND {columns}").fetchone()
    return str(table)


def falsify_last_tick(file: Path) -> None:
    """Change the meter reading that the last tick recorded, as no one should."""
    with sqlite3.connect(file) as connection:
        table = events_table(connection)
        query = f"SELECT rowid, state FROM {table} WHERE topic = 'run.ticked.1' ORDER BY rowid DESC LIMIT 1"
        rowid, state = connection.execute(query).fetchone()
        falsified = bytes(state).replace(b'"value":[', b'"value":[1', 1)
        assert falsified != bytes(state)
        connection.execute(f"UPDATE {table} SET state = ? WHERE rowid = ?", (falsified, rowid))
    connection.close()


def test_an_untouched_run_reaches_every_recorded_hash(file: Path) -> None:
    code, out, _ = result = depot_sim("replay", "r", "--db", f"sqlite:///{file}", "--json")

    assert code == 0, out
    assert list(result.json)[:2] == ["run_id", "reached"]
    assert result.json["reached"] is True
    assert result.json["checkpoints"] == 1
    assert result.json["mismatches"] == []


def test_a_run_whose_record_was_changed_does_not(file: Path) -> None:
    falsify_last_tick(file)

    code, out, _ = depot_sim("replay", "r", "--db", f"sqlite:///{file}")

    assert code == 1
    assert "1 of 1 recorded state hashes are NOT reached" in out


def test_a_run_without_a_recorded_hash_proves_nothing(file: Path) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute(f"DELETE FROM {events_table(connection)} WHERE topic = 'run.stopped.1'")
    connection.close()

    code, out, _ = depot_sim("replay", "r", "--db", f"sqlite:///{file}")

    assert code == 1
    assert "nothing is proved" in out
