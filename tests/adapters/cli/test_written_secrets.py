"""What the command line reads and records holds no secret of its environment, and its errors repeat none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.adapters.cli.command_line import depot_sim
from tests.domain.configuration.samples import depot
from tests.e2e.secret_scan import leaked

BY_VARIABLE, BY_FILE, TOKEN = "value/of a variable", "value-of-a-file", "token-of-the-service"
SECRETS = (BY_VARIABLE, BY_FILE, TOKEN)


@pytest.fixture(autouse=True)
def _given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = tmp_path / "given"
    given.mkdir()
    (given / "api-key").write_text(BY_FILE, encoding="utf-8")
    (given / "short").write_text("4711", encoding="utf-8")
    monkeypatch.setenv("DEPOT_SIM_SECRETS", str(given))
    monkeypatch.setenv("DEPOT_SIM_SECRET_PLATFORM", BY_VARIABLE)
    monkeypatch.setenv("DEPOT_SIM_TOKENS", f"ops:operator:{TOKEN}")


def written(path: Path, document: object) -> str:
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("secret", SECRETS)
def test_files_with_a_secret_are_refused_and_nothing_is_written(tmp_path: Path, secret: str) -> None:
    db = tmp_path / "store" / "depot.db"
    file = written(tmp_path / "depot.json", depot() | {"name": f"depot {secret}"})
    scenario = written(tmp_path / "scenario.json", {"name": "s", "steps": [{"note": secret}]})
    on_store = ("--for", "1min", "--db", f"sqlite:///{db}")
    for arguments, pointer in (
        (("run", file, *on_store), "/name"),
        (("run", "three-bus-depot", "--scenario", scenario, *on_store), "/steps/0/note"),
        (("run", "three-bus-depot", "--run-id", f"r-{secret}", *on_store), "--run-id"),
        (("configuration", "import", "--format", "yaml", file), "/name"),
        (("scenario", "check", scenario), "/steps/0/note"),
    ):
        result = depot_sim(*arguments)
        assert result.code in (1, 2), result.err
        assert pointer in result.out + result.err
        assert "no value of a secret" in result.out + result.err or secret == TOKEN
        assert leaked(result.out + result.err, SECRETS) == []
    assert not db.exists()


@pytest.mark.parametrize("secret", SECRETS)
def test_errors_repeat_no_secret(tmp_path: Path, secret: str) -> None:
    for arguments in (
        ("run", secret.replace("/", "%2F")),
        ("run", "three-bus-depot", "--for", secret),
        ("run", "three-bus-depot", f"--{secret}"),
        ("replay", secret, "--db", f"sqlite:///{tmp_path / 'missing.db'}"),
        ("scenario", "show", secret),
    ):
        result = depot_sim(*arguments)
        assert result.code in (2, 3), result.err
        assert leaked(result.out + result.err, SECRETS) == []


def test_a_run_with_other_names_is_fine() -> None:
    """A secret that a service would refuse at start keeps nobody from simulating."""
    assert depot_sim("run", "three-bus-depot", "--for", "1min", "--run-id", "api-key").code == 0
