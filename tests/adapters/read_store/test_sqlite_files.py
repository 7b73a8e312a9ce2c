"""Read models as files beside the event store."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from depot_sim.adapters.read_store import open_read_store
from depot_sim.adapters.read_store.sqlite_build import SqliteBuild
from depot_sim.domain.kernel.errors import StoreError
from depot_sim.read_models.store import ModelStore
from tests.adapters.read_store.samples import MODEL, NAMES, advance, rows


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.suffix != ".lock"}


def swap(store: ModelStore, position: int) -> None:
    with store.shadow() as shadow:
        advance(shadow, 0, position, names={"swapped": position})
        with shadow.hold_live():
            shadow.swap()


def test_the_files_lie_beside_the_event_store_and_a_link_names_the_live_one(sqlite_url: str, tmp_path: Path) -> None:
    with closing(open_read_store(f"{sqlite_url}?durability=durable", [MODEL])) as store:
        swap(store[MODEL], 5)
        swap(store[MODEL], 6)
        advance(store[MODEL], 6, 7)
    assert files(tmp_path / "store.db.read") == {"sample.db", "sample.3.db"}
    assert (tmp_path / "store.db.read" / "sample.db").readlink() == Path("sample.3.db")


def test_an_answer_from_files_that_were_swapped_away_meanwhile_is_asked_again(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(open_read_store(sqlite_url, [MODEL])) as store, closing(open_read_store(sqlite_url, [MODEL])) as other:
        advance(store[MODEL], 0, 1, names={"old": 1})
        query, asked = SqliteBuild.query, []

        def interrupted(build: SqliteBuild, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
            asked.append(build)
            if len(asked) == 1:
                swap(other[MODEL], 5)
            return query(build, sql, parameters)

        monkeypatch.setattr(SqliteBuild, "query", interrupted)
        assert store[MODEL].database().query("SELECT name FROM sample_names") == [("swapped",)]
        assert len(set(asked)) == 2


def test_what_a_killed_rebuild_left_behind_goes_with_the_next(sqlite_url: str, tmp_path: Path) -> None:
    with closing(open_read_store(sqlite_url, [MODEL])) as store:
        (tmp_path / "store.db.read" / "sample.2.db").write_bytes(b"half a model")
        swap(store[MODEL], 5)
        assert rows(store[MODEL], NAMES) == [("swapped", 5)]
    assert files(tmp_path / "store.db.read") == {"sample.db", "sample.3.db"}


@pytest.mark.parametrize("damage", [b"", b"no database at all" * 100, None])
def test_a_damaged_file_is_told_and_can_be_replaced(sqlite_url: str, tmp_path: Path, damage: bytes | None) -> None:
    file = tmp_path / "store.db.read" / "sample.1.db"
    with closing(open_read_store(sqlite_url, [MODEL])):
        pass
    if damage is None:
        file.unlink()
    else:
        file.write_bytes(damage)
    with closing(open_read_store(sqlite_url, [MODEL])) as store:
        assert store[MODEL].stored().version == 0
        with pytest.raises(StoreError):
            store[MODEL].database().query("SELECT 1 FROM sample_names")
        swap(store[MODEL], 5)
        assert rows(store[MODEL], NAMES) == [("swapped", 5)]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be reached"):
        open_read_store(f"sqlite:///{tmp_path}/file/store.db", [MODEL])
