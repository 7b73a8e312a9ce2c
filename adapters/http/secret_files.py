"""Files that hold secrets: read again when they change, and looked for in one folder only."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.secret_references import EXPECTED_FILE

LARGEST_FILE = 64 * 1024
MOST_FILES = 1_000
_POINTER = "/secret"
_ANOTHER_FILE = "a secret of its own: copy the value that the partner shall get into another file of the folder"


class SecretFile(NamedTuple):
    """A file of the folder. `name` is its path relative to the folder."""

    name: str
    path: Path


class SecretsFolder:
    """The folder of secrets that the service was started with; without one every file is refused.

    Names that begin with a dot are not files of the folder, so that a mounted folder may hold its own bookkeeping.
    `withheld` are files with secrets of the service itself, such as its tokens: they may lie in the folder, but no
    reference can name them.
    """

    def __init__(self, folder: Path | None, withheld: Sequence[Path] = ()) -> None:
        self._folder = folder
        self._withheld = tuple(withheld)

    def path(self, name: str) -> Path:
        """The file behind a name or path, every symbolic link followed.

        Raises InvalidInput for one that leads out of the folder, for a withheld one, and without a folder. The file
        need not exist.
        """
        path = self._resolved(name)
        if self._is_withheld(path):
            raise invalid(f"the file {name!r}, which holds secrets of the service itself", _ANOTHER_FILE)
        return path

    def has(self, name: str) -> bool:
        """Whether there is such a file; it may be withheld."""
        if self._folder is None or name.startswith("."):
            return False
        try:
            return self._resolved(name).is_file()
        except InvalidInput:
            return False

    def _resolved(self, name: str) -> Path:
        if self._folder is None:
            raise invalid(f"the file {name!r}", "a service that was started with --secrets FOLDER")
        folder = _resolved(self._folder)
        path = _resolved(folder / name)
        if not path.is_relative_to(folder) or path == folder:
            raise invalid(f"the file {name!r}, which is not in the folder of secrets", EXPECTED_FILE)
        return path

    def _is_withheld(self, path: Path) -> bool:
        """Compared by path and by file, so that neither a link nor a second name of the file leads to it."""
        return any(path == _resolved(held) or _is_same_file(path, held) for held in self._withheld)

    def files(self) -> Iterator[SecretFile]:
        """Every file but the withheld ones, those of its folders included.

        Links that lead out of the folder are not followed: no reference can name a file there. Raises
        InvalidInput for a folder that cannot hold secrets.
        """
        if self._folder is None:
            return
        if not self._folder.is_dir():
            raise _bad_folder(f"{self._folder}, which is not a folder", "a folder that exists")
        try:
            yield from self._below(self._folder)
        except OSError as error:
            raise _bad_folder(f"{error.filename}: {error.strerror}", "a folder that the service can read") from None

    def _below(self, top: Path) -> Iterator[SecretFile]:
        found = 0
        waiting, folder = [top], _resolved(top)
        seen = {folder}
        while waiting:
            for path in sorted(waiting.pop().iterdir()):
                if path.name.startswith("."):
                    continue
                target = _resolved(path)
                if not target.is_relative_to(folder) or self._is_withheld(target):
                    continue
                if target.is_dir():
                    if target not in seen:
                        seen.add(target)
                        waiting.append(path)
                    continue
                found += 1
                if found > MOST_FILES:
                    raise _bad_folder(f"{top}, with more than {MOST_FILES:,} files", "a folder of secrets only")
                yield SecretFile(str(path.relative_to(top)), path)


class _Read(NamedTuple):
    signature: tuple[int, ...]
    text: str


class TextFiles:
    """Small text files, kept in memory until they change."""

    def __init__(self) -> None:
        self._known: dict[Path, _Read] = {}

    def read(self, path: Path) -> str:
        """The text without the line end behind it. Raises InvalidInput, naming the file."""
        try:
            status = path.stat()
            signature = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)
            known = self._known.get(path)
            if known is None or known.signature != signature:
                known = self._known[path] = _Read(signature, _text_of(path, status.st_size))
        except OSError as error:
            self._known.pop(path, None)
            raise invalid(f"the file {path}: {error.strerror}", "a file the service can read") from None
        return known.text


def _resolved(path: Path) -> Path:
    """Every symbolic link followed. Links in a circle are left, and opening them fails; Path.resolve would raise."""
    return Path(os.path.realpath(path))


def _is_same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False


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
