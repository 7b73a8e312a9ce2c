"""Secrets that partners give the service: kept in a folder for this user only, or in memory."""

from __future__ import annotations

import os
import secrets
from collections.abc import MutableMapping
from pathlib import Path

from depot_sim.adapters.http.secret_files import TextFiles, invalid
from depot_sim.domain.kernel.errors import InvalidInput


class KeptInMemory:
    """Gone with the process."""

    def __init__(self) -> None:
        self._secrets: MutableMapping[str, str] = {}

    def get(self, name: str) -> str:
        """Raises InvalidInput for a name under which nothing is kept."""
        try:
            return self._secrets[name]
        except KeyError:
            raise _not_kept(name) from None

    def put(self, name: str, secret: str) -> None:
        self._secrets[name] = secret


class KeptInFolder:
    """One file for each name, readable by this user only."""

    def __init__(self, folder: Path, files: TextFiles) -> None:
        self._folder = folder
        self._files = files

    def get(self, name: str) -> str:
        """Raises InvalidInput for a name under which nothing is kept."""
        path = self._folder / name
        if not path.exists():
            raise _not_kept(name)
        return self._files.read(path)

    def put(self, name: str, secret: str) -> None:
        """When this returns, the secret has survived a power cut."""
        self._make_folder()
        beside = self._folder / f".{name}.{secrets.token_hex(8)}"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(secret)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._folder / name)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        _sync(self._folder)

    def _make_folder(self) -> None:
        """A folder that exists keeps its mode: it may be shared on purpose, its files are not."""
        if not self._folder.is_dir():
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700, exist_ok=True)


def _sync(folder: Path) -> None:
    """Make a rename in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _not_kept(name: str) -> InvalidInput:
    return invalid(f"no secret kept under {name!r}", "one that was kept before")
