"""The folder for secrets that partners give the service: its default for each store, and the check at start-up."""

from __future__ import annotations

from pathlib import Path

import pytest

from depot_sim.bootstrap.kept_secrets import kept_secrets_folder
from depot_sim.bootstrap.service import open_service
from depot_sim.bootstrap.settings import Identity, Settings
from depot_sim.domain.kernel.errors import InvalidInput


@pytest.mark.parametrize(
    ("db", "default"),
    [
        ("sqlite:///depot.db", "depot.db.secrets"),
        ("sqlite:///depot%20one.db?durability=may_lose_last_commits", "depot one.db.secrets"),
        ("sqlite:///data/depot.db", "data/depot.db.secrets"),
        ("postgresql://user:password@host/database", "depot-sim.secrets"),
        ("postgres://host/database", "depot-sim.secrets"),
    ],
)
def test_default_folder_follows_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, db: str, default: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert kept_secrets_folder(Settings(db=db)) == Path(default)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("db", ["memory:", "sqlite://", "sqlite:///"])
def test_store_in_memory_keeps_secrets_in_memory_unless_a_folder_is_named(tmp_path: Path, db: str) -> None:
    assert kept_secrets_folder(Settings(db=db)) is None
    assert kept_secrets_folder(Settings(db=db, kept_secrets=tmp_path)) == tmp_path


@pytest.mark.parametrize("db", ["sqlite:///depot.db", "postgresql://host/database"])
def test_named_folder_replaces_the_default(tmp_path: Path, db: str) -> None:
    assert kept_secrets_folder(Settings(db=db, kept_secrets=tmp_path / "a" / "b")) == tmp_path / "a" / "b"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("file", "Not a directory"),
        ("file/kept", "Not a directory"),
        ("file/a/b/kept", "Not a directory"),
        ("x" * 300, "File name too long"),
    ],
)
async def test_folder_that_cannot_be_written_is_refused_before_the_store_is_opened(
    tmp_path: Path, name: str, reason: str
) -> None:
    (tmp_path / "file").touch()
    folder, db = tmp_path / name, tmp_path / "depot.db"
    with pytest.raises(InvalidInput) as error:
        async with open_service(Settings(db=f"sqlite:///{db}", kept_secrets=folder), Identity("here")):
            pass
    (fault,) = error.value.faults
    assert (fault.pointer, fault.found) == ("/kept_secrets", f"{folder}: {reason}")
    assert "--kept-secrets" in fault.expected
    assert "DEPOT_SIM_KEPT_SECRETS" in fault.expected
    assert not db.exists()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
