"""A folder that may only be read, also for tests that run as root."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_NOBODY = 65_534


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """One that any user can reach, which pytest's own are not; deleted at the end."""
    made = Path(tempfile.mkdtemp(prefix="depot-sim-"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        made.chmod(0o755)
        shutil.rmtree(made)


@contextmanager
def reading_only(folder: Path) -> Iterator[None]:
    """The folder and all in it may only be read. Root is another user meanwhile, because no mode stops root.

    That user may not be able to import what is not imported yet.
    """
    paths = [folder, *folder.rglob("*")]
    for path in paths:
        if not path.is_symlink():
            path.chmod(0o555 if path.is_dir() else 0o444)
    user = os.geteuid()
    if user == 0:
        os.seteuid(_NOBODY)
    try:
        with pytest.raises(PermissionError):
            (folder / "probe").touch()
        yield
    finally:
        os.seteuid(user)
        for path in paths:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
