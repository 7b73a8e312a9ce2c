"""The rules of .dockerignore as the tests apply them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from tests.packaging.dockerignore import Ignore, copy_context

ONLY = "*\n!domain\n!requirements/build.txt\n# a comment\n\n**/__pycache__\n**/*.pyc\n"


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("domain/a.py", False),
        ("domain/run/world/a.py", False),
        ("domain/__pycache__/a.py", True),
        ("domain/run/__pycache__/a.py", True),
        ("domain/a.pyc", True),
        ("domains/a.py", True),
        ("tests/domain/a.py", True),
        ("requirements/build.txt", False),
        ("requirements/dev.txt", True),
        (".git/config", True),
        ("README.md", True),
    ],
)
def test_last_matching_rule_decides(path: str, ignored: bool) -> None:
    assert Ignore(ONLY).ignores(PurePosixPath(path)) is ignored


def test_without_rules_everything_is_seen() -> None:
    assert not Ignore("").ignores(PurePosixPath("a/b"))


@pytest.mark.parametrize("line", ["a?", "[ab]", "a/**/b", "a/**", "a\\ b"])
def test_rule_that_is_not_understood_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="are understood"):
        Ignore(line)


def test_copy_holds_what_is_seen(tmp_path: Path) -> None:
    root, target = tmp_path / "root", tmp_path / "target"
    for name in ("domain/a.py", "domain/b/__pycache__/a.pyc", "requirements/build.txt", "requirements/dev.txt", "x/y"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    (root / ".dockerignore").write_text(ONLY)
    copy_context(root, target)
    copied = {file.relative_to(target).as_posix() for file in target.rglob("*") if file.is_file()}
    assert copied == {"domain/a.py", "requirements/build.txt"}
    assert (target / "domain" / "a.py").read_text() == "domain/a.py"
