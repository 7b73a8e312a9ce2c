"""Profiles for tests: the default one's files, and changes to them."""

from __future__ import annotations

from pathlib import Path

import depot_sim.adapters.packets.profiles
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.packets.contract.profile import PacketProfile, read_profile

DEFAULT = depot_sim.adapters.packets.profiles.BUILT_IN / "default-1"


def default_files() -> dict[str, str]:
    return {path.name: path.read_bytes().decode() for path in Path(DEFAULT).iterdir()}


def changed(file: str, old: str, new: str) -> dict[str, str]:
    """The default profile's files with one text in one of them replaced."""
    files = default_files()
    assert old in files[file]
    return {**files, file: files[file].replace(old, new)}


def profile_with(**contents: str) -> PacketProfile:
    """The default profile with whole files replaced, by name without ending."""
    named = {
        f"{name}.csv" if name in ("measurands", "enums", "bess_modes") else f"{name}.json": text
        for name, text in contents.items()
    }
    return read_profile({**default_files(), **named})


def faults_of(files: dict[str, str]) -> tuple[Fault, ...]:
    """What is wrong with them; fails when nothing is."""
    try:
        read_profile(files)
    except InvalidInput as error:
        return error.faults
    raise AssertionError("nothing was wrong")
