"""Tokens from the environment and from a file that changes."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from depot_sim.adapters.front_door.token_source import TokenSource
from depot_sim.application.access.actors import Actor, Role
from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.kernel.written_secrets import GivenSecret

GIVEN = "given-token-0123456789"
FIRST, SECOND = "first-token-0123456789", "second-token-0123456789"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return _write(tmp_path / "tokens", f"# operators\n\n  otto:operator:{FIRST}\n")


def _write(file: Path, text: str) -> Path:
    """As rotation does it: whole, under the same name."""
    beside = file.with_name("new")
    beside.write_text(text, encoding="utf-8")
    return beside.replace(file)


def test_tokens_given_and_tokens_of_the_file_are_all_valid(file: Path) -> None:
    tokens = TokenSource([f"ana:viewer:{GIVEN}"], file)
    assert tokens.actor(GIVEN) == Actor("ana", Role.VIEWER)
    assert tokens.actor(FIRST) == Actor("otto", Role.OPERATOR)
    assert tokens.actor("# operators") is None


def test_a_changed_file_replaces_its_own_tokens_only(file: Path) -> None:
    tokens = TokenSource([f"ana:viewer:{GIVEN}"], file)
    _write(file, f"otto:operator:{SECOND}\n")
    assert tokens.actor(FIRST)
    tokens.refresh()
    assert tokens.actor(FIRST) is None
    assert tokens.actor(SECOND) == Actor("otto", Role.OPERATOR)
    assert tokens.actor(GIVEN)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"otto:operator:{SECOND}\notto:{SECOND}\n", "(line 2)"),
        (f"otto:operator:{SECOND}\n\nana:{SECOND}:viewer\n", "(line 3)"),
        (f"otto:operator:{SECOND}\nana:viewer:{SECOND}\n", "(line 2)"),
        ("ana:viewer:short\n", "(line 1)"),
        ("# nothing\n", "no token"),
        ("", "no token"),
        ("otto:operator:" + "x" * 2**20, "at most 1 MiB"),
    ],
    ids=["form", "role", "owner", "short", "comments", "empty", "large"],
)
def test_a_broken_file_leaves_the_tokens_in_force_and_names_the_line_alone(
    file: Path, caplog: pytest.LogCaptureFixture, text: str, told: str
) -> None:
    tokens = TokenSource((), file)
    _write(file, text)
    with caplog.at_level(logging.ERROR, "depot_sim.access"):
        tokens.refresh()
        tokens.refresh()
    assert tokens.actor(FIRST)
    assert tokens.actor(SECOND) is None
    assert told in tokens.file_error
    (record,) = caplog.records
    assert SECOND not in str(record.__dict__)
    _write(file, f"otto:operator:{SECOND}\n")
    tokens.refresh()
    assert tokens.actor(SECOND)
    assert tokens.file_error == ""


def test_bytes_that_are_no_text_leave_the_tokens_in_force(file: Path) -> None:
    tokens = TokenSource((), file)
    file.write_bytes(b"\xff\xfe")
    tokens.refresh()
    assert tokens.actor(FIRST)
    assert "UTF-8" in tokens.file_error


def test_a_file_that_is_gone_leaves_the_tokens_in_force(file: Path) -> None:
    tokens = TokenSource((), file)
    file.unlink()
    tokens.refresh()
    assert tokens.actor(FIRST)
    assert "No such file" in tokens.file_error


def test_at_start_a_broken_or_missing_file_is_an_error(file: Path, tmp_path: Path) -> None:
    _write(file, "# nothing")
    with pytest.raises(InvalidInput) as error:
        TokenSource([f"ana:viewer:{GIVEN}"], file)
    assert error.value.faults[0].pointer == "/tokens_file"
    with pytest.raises(FileNotFoundError):
        TokenSource((), tmp_path / "missing")


def test_a_file_changed_in_place_is_read_again_even_if_its_size_and_time_are_the_same(file: Path) -> None:
    tokens = TokenSource((), file)
    before = file.stat()
    text = file.read_text()
    file.write_text(text.replace(FIRST, FIRST[::-1]))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = file.stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)
    tokens.refresh()
    assert tokens.actor(FIRST) is None
    assert tokens.actor(FIRST[::-1])


def test_a_byte_order_mark_is_not_part_of_the_first_name(file: Path) -> None:
    file.write_text(f"otto:operator:{FIRST}\n", encoding="utf-8-sig")
    assert TokenSource((), file).actor(FIRST) == Actor("otto", Role.OPERATOR)


def test_a_token_that_no_header_can_carry_is_refused(file: Path) -> None:
    """Headers are read as latin-1, so a token with other characters would never match."""
    file.write_text("otto:operator:tökens-are-ascii-0123456789\n", encoding="utf-8")
    for texts, tokens_file in (((), file), (["otto:operator:tökens-are-ascii-0123456789"], None)):
        with pytest.raises(InvalidInput) as error:
            TokenSource(texts, tokens_file)
        assert "printable ASCII" in error.value.faults[0].found


def test_without_a_file_nothing_is_followed() -> None:
    tokens = TokenSource()
    tokens.refresh()
    assert not tokens


def test_every_token_that_becomes_valid_is_learned_so_that_it_can_be_masked(file: Path) -> None:
    learned: list[str] = []
    tokens = TokenSource([f"ana:viewer:{GIVEN}:with:colons"], file, learned.append)
    assert learned == [f"{GIVEN}:with:colons", FIRST]
    _write(file, f"otto:operator:{SECOND}\nana:{SECOND}:viewer\n")
    tokens.refresh()
    assert SECOND not in learned
    _write(file, f"otto:operator:{SECOND}\n")
    tokens.refresh()
    assert learned[-1] == SECOND


@pytest.mark.parametrize("name", [FIRST, f"of {FIRST}"])
def test_a_name_that_holds_a_token_is_refused_by_its_line(file: Path, name: str) -> None:
    """Names are recorded with what their owners do."""
    learned: set[str] = set()

    def secret_in(text: str) -> GivenSecret | None:
        return GivenSecret(None) if any(token in text for token in learned) else None

    file.write_text(f"{name}:viewer:{SECOND}\notto:operator:{FIRST}\n", encoding="utf-8")
    with pytest.raises(InvalidInput) as error:
        TokenSource((), file, learned.add, secret_in)
    (fault,) = error.value.faults
    assert (fault.pointer, fault.line, fault.found) == ("/tokens_file", 1, "a name with a token of the service")
    assert FIRST not in str(fault)
