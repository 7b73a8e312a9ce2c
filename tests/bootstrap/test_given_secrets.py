"""Which files hold secrets of the service itself, and that no reference can name them."""

from __future__ import annotations

from pathlib import Path

import pytest

from depot_sim.bootstrap.given_secrets import files_of_the_service, open_secrets
from depot_sim.bootstrap.settings import Settings
from depot_sim.domain.kernel.credentials import SecretReference
from depot_sim.domain.kernel.errors import InvalidInput


def test_the_tokens_file_in_the_folder_of_secrets_cannot_be_named(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text("ops:operator:own-token-of-the-service\n")
    (tmp_path / "api-key").write_text("key-of-a-platform\n")
    secrets = open_secrets(Settings(db="memory:", secrets=tmp_path, tokens_file=tmp_path / "tokens"))
    assert secrets.get(SecretReference("api-key")) == "key-of-a-platform"
    with pytest.raises(InvalidInput, match="secrets of the service itself"):
        secrets.get(SecretReference("tokens"))


@pytest.mark.parametrize(
    ("db", "environment", "files"),
    [
        ("postgresql://u@h/d?passfile=/s/pass&sslkey=/s/key", {}, ["/s/pass", "/s/key"]),
        ("postgresql://u@h/d?sslmode=require", {"PGPASSFILE": "/s/pass", "PGSSLKEY": ""}, ["/s/pass"]),
        ("sqlite:///d.db", {"PGPASSFILE": "/s/pass"}, []),
    ],
)
def test_files_of_the_database_are_withheld(db: str, environment: dict[str, str], files: list[str]) -> None:
    assert [str(file) for file in files_of_the_service(Settings(db=db), environment)] == files
