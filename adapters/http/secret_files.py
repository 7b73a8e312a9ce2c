"""Files that hold secrets: read again when they change, and looked for in one folder only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from domain.errors import Fault, InvalidInput
from domain.secret_references import EXPECTED_FILE

LARGEST_FILE = 64 * 1024
MOST_FILES = 1_000
_POINTER = "/secret"


class SecretFile(NamedTuple):
    """A file of the folder. `name` is its path relative to the folder."""

    name: str
    path: Path


class SecretsFolder:
    """The folder of secrets that the service was started with; without one every file is refused.

    Names that begin with a dot are not files of the folder, so that a mounted folder may hold its own bookkeeping.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        """The file behind a name or path, every symbolic link followed.

        Raises InvalidInput for one that leads out of the folder, and without a folder. The file need not exist.
        """
        if self._folder is None:
            raise invalid(f"the file {name!r}", "a service that was started with --secrets FOLDER")
        folder = self._folder.resolve()
        path = (folder / name).resolve()
        if not path.is_relative_to(folder) or path == folder:
            raise invalid(f"the file {name!r}, which is not in the folder of secrets", EXPECTED_FILE)
        return path

    def has(self, name: str) -> bool:
        """Whether there is such a file."""
        if self._folder is None or name.startswith("."):
            return False
        try:
            return self.path(name).is_file()
        except InvalidInput:
            return False

    def files(self) -> Iterator[SecretFile]:
        """Every file, those of its folders included. Raises InvalidInput for a folder that cannot hold secrets."""
        if self._folder is None:
            return
        if not self._folder.is_dir():
            raise _bad_folder(f"{self._folder}, which is no folder", "a folder that exists")
        try:
            yield from self._below(self._folder)
        except OSError as error:
            raise _bad_folder(f"{error.filename}: {error.strerror}", "a folder that the service can read") from None

    def _below(self, top: Path) -> Iterator[SecretFile]:
        found = 0
        waiting = [top]
        while waiting:
            for path in sorted(waiting.pop().iterdir()):
                if path.name.startswith("."):
                    continue
                if path.is_dir():
                    waiting.append(path)
                    continue
                found += 1
                if found > MOST_FILES:
                    raise _bad_folder(f"{top}, with more than {MOST_FILES:,} files", "a folder of secrets only")
                yield SecretFile(str(path.relative_to(top)), path)


class _Read(NamedTuple):
    signature: tuple[int, int, int]
    text: str


class TextFiles:
    """Small text files, kept in memory until they change."""

    def __init__(self) -> None:
        self._known: dict[Path, _Read] = {}

    def read(self, path: Path) -> str:
        """The text without the line end behind it. Raises InvalidInput, naming the file."""
        try:
            status = path.stat()
            signature = (status.st_mtime_ns, status.st_size, status.st_ino)
            known = self._known.get(path)
            if known is None or known.signature != signature:
                known = self._known[path] = _Read(signature, _text_of(path, status.st_size))
        except OSError as error:
            self._known.pop(path, None)
            raise invalid(f"the file {path}: {error.strerror}", "a file the service can read") from None
        return known.text


def invalid(found: str, expected: str) -> InvalidInput:
    return InvalidInput(
        [Fault(_POINTER, found, expected)], f"the secret cannot be used: found {found}; expected {expected}"
    )


def _bad_folder(found: str, expected: str) -> InvalidInput:
    return InvalidInput([Fault("/secrets", found, expected)], f"the folder of secrets cannot be used: {found}")


def _text_of(path: Path, size: int) -> str:
    if not path.is_file() or size > LARGEST_FILE:
        raise invalid(f"{path}, which is no small file", f"a file of at most {LARGEST_FILE} bytes")
    try:
        return path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise invalid(f"the file {path}, which is not UTF-8", "a file of text") from None
