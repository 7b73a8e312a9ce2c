"""Profiles by name and by folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from depot_sim.adapters.packets.profiles import LARGEST_FILE, MOST_FILES, ProfileLibrary, completed, read_folder
from depot_sim.domain.kernel.errors import InvalidInput, NotFound

_LIBRARY = ProfileLibrary()


@pytest.mark.parametrize("name", _LIBRARY.names)
def test_every_profile_that_comes_along_is_sound_and_called_as_its_folder(name: str) -> None:
    assert _LIBRARY.load(name).name == name


def test_an_unknown_name_is_answered_with_a_near_one() -> None:
    with pytest.raises(NotFound) as raised:
        _LIBRARY.files("defualt/1")
    assert "default/1" in raised.value.hint


@pytest.mark.parametrize("name", ["../profiles/default-1", "nowhere", ""])
def test_a_name_never_leads_out_of_the_library(name: str) -> None:
    with pytest.raises(NotFound):
        _LIBRARY.files(name)


def test_an_exported_profile_is_the_same_to_the_byte(tmp_path: Path) -> None:
    _LIBRARY.export("default/1", tmp_path / "mine")
    assert read_folder(tmp_path / "mine") == _LIBRARY.files("default/1")
    assert _LIBRARY.load(str(tmp_path / "mine")).sha256 == _LIBRARY.load("default/1").sha256


def test_a_folder_with_files_is_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "other").touch()
    with pytest.raises(InvalidInput, match="1 fault"):
        _LIBRARY.export("default/1", tmp_path)


def test_what_a_folder_leaves_out_is_the_defaults(tmp_path: Path) -> None:
    manifest = '{"name": "own", "version": "2", "encoder": "flat"}'
    (tmp_path / "profile.json").write_text(manifest)
    (tmp_path / "README.md").write_text("not of the profile")
    profile = _LIBRARY.load(str(tmp_path))
    assert profile.name == "own/2"
    assert set(profile.files) == {"profile.json", "measurands.csv", "bess_modes.csv"}
    assert profile.files == completed({"profile.json": manifest})


def test_a_folder_without_a_manifest_is_no_profile(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as raised:
        _LIBRARY.load(str(tmp_path))
    assert [fault.pointer for fault in raised.value.faults] == ["profile.json"]


def test_sizes_are_bounded_and_text_is_utf8(tmp_path: Path) -> None:
    for content, found in ((b" " * (LARGEST_FILE + 1), "1,000,001 bytes"), (b"{}\n\xff", "the byte 0xff")):
        (tmp_path / "profile.json").write_bytes(content)
        with pytest.raises(InvalidInput) as raised:
            read_folder(tmp_path)
        assert raised.value.faults[0].found == found
    for number in range(MOST_FILES + 1):
        (tmp_path / f"{number}.csv").touch()
    with pytest.raises(InvalidInput) as raised:
        read_folder(tmp_path)
    assert raised.value.faults[0].expected == f"at most {MOST_FILES}"
