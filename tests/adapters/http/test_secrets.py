"""Secrets by reference: where they come from, how they are kept, and how it is told that there is none."""

from __future__ import annotations

import base64
import os
import stat
from pathlib import Path

import pytest

from adapters.http import Secrets
from domain.credentials import SecretReference
from domain.errors import InvalidInput


def test_a_secret_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSCP_TOKEN", "first")
    secrets = Secrets()
    assert secrets.get(SecretReference("env:OSCP_TOKEN")) == "first"


@pytest.mark.parametrize(("content", "secret"), [("abc", "abc"), ("abc\n", "abc"), ("abc\r\n", "abc"), (" é ", " é ")])
def test_a_secret_of_a_file_is_its_one_line(tmp_path: Path, content: str, secret: str) -> None:
    file = tmp_path / "token"
    file.write_bytes(content.encode())
    assert Secrets().get(SecretReference(f"file:{file}")) == secret


def test_a_rotated_file_is_read_again(tmp_path: Path) -> None:
    """Whether it was written anew, or another one was put in its place."""
    file, reference = tmp_path / "token", SecretReference(f"file:{tmp_path / 'token'}")
    secrets = Secrets()
    file.write_text("first")
    assert secrets.get(reference) == "first"
    file.write_text("the second")
    assert secrets.get(reference) == "the second"
    other = tmp_path / "next"
    other.write_text("third one.")
    other.replace(file)
    assert secrets.get(reference) == "third one."


def test_a_file_that_goes_away_is_missed(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("abc")
    secrets = Secrets()
    assert secrets.get(SecretReference(f"file:{file}")) == "abc"
    file.unlink()
    with pytest.raises(InvalidInput) as error:
        secrets.get(SecretReference(f"file:{file}"))
    assert str(file) in error.value.faults[0].found


@pytest.mark.parametrize(
    ("reference", "found"),
    [
        ("", "no such reference"),
        ("OSCP_TOKEN", "no such reference"),
        ("env:", "no such reference"),
        ("vault:a", "a reference of the kind 'vault'"),
        ("env:NOT_SET_ANYWHERE", "no environment variable NOT_SET_ANYWHERE"),
        ("file:/nowhere/at/all", "the file /nowhere/at/all: No such file or directory"),
        ("file:/", "/, which is no small file"),
        ("file:/dev/zero", "/dev/zero, which is no small file"),
        ("kept:unknown", "no secret kept under 'unknown'"),
        ("kept:../token", "kept:../token"),
        ("kept:.hidden", "kept:.hidden"),
        ("kept:a/b", "kept:a/b"),
    ],
)
@pytest.mark.parametrize("in_memory", [True, False])
def test_a_reference_that_leads_nowhere_says_so(tmp_path: Path, reference: str, found: str, in_memory: bool) -> None:
    secrets = Secrets(None if in_memory else tmp_path)
    with pytest.raises(InvalidInput) as error:
        secrets.get(SecretReference(reference))
    (fault,) = error.value.faults
    assert (fault.pointer, fault.found) == ("/secret", found)
    assert fault.expected in error.value.detail


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines", b"tab\there", b"nul\0", b"\xff\xfe", b"x" * 2**17])
def test_what_fits_in_no_header_is_no_secret(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    with pytest.raises(InvalidInput) as error:
        Secrets().get(SecretReference(f"file:{file}"))
    assert "two" not in error.value.detail


@pytest.mark.parametrize("in_memory", [True, False])
def test_what_is_kept_is_found_by_its_reference(tmp_path: Path, in_memory: bool) -> None:
    secrets = Secrets(None if in_memory else tmp_path / "kept")
    reference = secrets.keep("session-1.outbound", "first")
    assert reference == SecretReference("kept:session-1.outbound")
    assert secrets.get(reference) == "first"
    secrets.keep("session-1.outbound", "second one")
    assert secrets.get(reference) == "second one"


def test_what_is_kept_survives_the_process_and_reaches_others(tmp_path: Path) -> None:
    here, there = Secrets(tmp_path / "kept"), Secrets(tmp_path / "kept")
    reference = here.keep("a", "first")
    assert there.get(reference) == "first"
    there.keep("a", "rotated")
    assert here.get(reference) == "rotated"


def test_kept_secrets_are_for_this_user_only(tmp_path: Path) -> None:
    directory = tmp_path / "data" / "kept"
    before = os.umask(0)
    try:
        Secrets(directory).keep("a", "secret")
    finally:
        os.umask(before)
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert [(file.name, stat.S_IMODE(file.stat().st_mode)) for file in directory.iterdir()] == [("a", 0o600)]


@pytest.mark.parametrize(("name", "secret"), [("../a", "s"), ("", "s"), ("a", ""), ("a", "two\nlines")])
def test_neither_a_path_nor_lines_are_kept(tmp_path: Path, name: str, secret: str) -> None:
    with pytest.raises(InvalidInput):
        Secrets(tmp_path).keep(name, secret)
    assert list(tmp_path.iterdir()) == []


def test_tokens_are_48_random_bytes() -> None:
    tokens = {Secrets().new_token() for _ in range(100)}
    assert len(tokens) == 100
    assert {len(base64.urlsafe_b64decode(token)) for token in tokens} == {48}
