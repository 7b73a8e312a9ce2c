"""Secrets by reference: from the environment, from files, or kept here for what partners gave the service.

env:NAME     the environment variable
file:PATH    the file's text, without the line end behind it; read again whenever the file has changed
kept:NAME    what was kept under that name
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import MutableMapping
from pathlib import Path
from typing import NamedTuple

from domain.credentials import SecretReference
from domain.errors import Fault, InvalidInput

_POINTER = "/secret"
_EXPECTED = "env:NAME, file:PATH or kept:NAME"
_LARGEST_FILE = 64 * 1024
_TOKEN_BYTES = 48
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Secrets:
    """`directory` is where secrets are kept, for this user only; without one they are kept in memory.

    Every method raises InvalidInput for a reference that leads to no secret; its texts never repeat one.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._files = _Files()
        self._kept = _InMemory() if directory is None else _InDirectory(directory, self._files)

    def get(self, reference: SecretReference) -> str:
        kind, separator, place = reference.secret.partition(":")
        if not separator or not place:
            raise _invalid("no such reference", _EXPECTED)
        match kind:
            case "env":
                return _usable(_from_environment(place), f"the environment variable {place}")
            case "file":
                return _usable(self._files.read(Path(place)), f"the file {place}")
            case "kept":
                return self._kept.get(_checked_name(place))
        raise _invalid(f"a reference of the kind {kind!r}", _EXPECTED)

    def keep(self, name: str, secret: str) -> SecretReference:
        """Replaces what was kept under the name; when this returns, it has survived a power cut."""
        self._kept.put(_checked_name(name), _usable(secret, "the secret to keep"))
        return SecretReference(f"kept:{name}")

    def new_token(self) -> str:
        """48 random bytes, base64url."""
        return secrets.token_urlsafe(_TOKEN_BYTES)


class _Read(NamedTuple):
    signature: tuple[int, int, int]
    text: str


class _Files:
    """Small text files, remembered until they change."""

    def __init__(self) -> None:
        self._known: dict[Path, _Read] = {}

    def read(self, path: Path) -> str:
        try:
            status = path.stat()
            signature = (status.st_mtime_ns, status.st_size, status.st_ino)
            known = self._known.get(path)
            if known is None or known.signature != signature:
                known = self._known[path] = _Read(signature, _text_of(path, status.st_size))
        except OSError as error:
            self._known.pop(path, None)
            raise _invalid(f"the file {path}: {error.strerror}", "a file the service can read") from None
        return known.text


class _InMemory:
    def __init__(self) -> None:
        self._secrets: MutableMapping[str, str] = {}

    def get(self, name: str) -> str:
        try:
            return self._secrets[name]
        except KeyError:
            raise _not_kept(name) from None

    def put(self, name: str, secret: str) -> None:
        self._secrets[name] = secret


class _InDirectory:
    def __init__(self, directory: Path, files: _Files) -> None:
        self._directory = directory
        self._files = files

    def get(self, name: str) -> str:
        path = self._directory / name
        if not path.exists():
            raise _not_kept(name)
        return _usable(self._files.read(path), f"the kept secret {name}")

    def put(self, name: str, secret: str) -> None:
        self._make_directory()
        beside = self._directory / f".{name}.{secrets.token_hex(8)}"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(secret)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._directory / name)
        except BaseException:
            beside.unlink(missing_ok=True)
            raise
        _sync(self._directory)

    def _make_directory(self) -> None:
        """One that is there already keeps its mode: it may be shared on purpose, its files are not."""
        if not self._directory.is_dir():
            self._directory.parent.mkdir(parents=True, exist_ok=True)
            self._directory.mkdir(mode=0o700, exist_ok=True)


def _sync(directory: Path) -> None:
    """Make a rename in it last."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _from_environment(name: str) -> str:
    try:
        return os.environ[name]
    except KeyError:
        raise _invalid(f"no environment variable {name}", "one the service was started with") from None


def _text_of(path: Path, size: int) -> str:
    if not path.is_file() or size > _LARGEST_FILE:
        raise _invalid(f"{path}, which is no small file", f"a file of at most {_LARGEST_FILE} bytes")
    try:
        return path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise _invalid(f"the file {path}, which is not UTF-8", "a file of text") from None


def _usable(secret: str, where: str) -> str:
    """A secret goes into a header, so it has to fit there."""
    if not secret:
        raise _invalid(f"{where}, which is empty", "a secret")
    if _CONTROL.search(secret):
        raise _invalid(f"{where} with line ends or control characters", "a secret of one line")
    return secret


def _checked_name(name: str) -> str:
    """A name is one file's, and can lead to no other."""
    if not _NAME.fullmatch(name):
        raise _invalid(f"kept:{name[:100]}", "a name of letters, digits, '.', '_' and '-' that begins with no '.'")
    return name


def _not_kept(name: str) -> InvalidInput:
    return _invalid(f"no secret kept under {name!r}", "one that was kept before")


def _invalid(found: str, expected: str) -> InvalidInput:
    return InvalidInput(
        [Fault(_POINTER, found, expected)], f"a secret cannot be had: found {found}; expected {expected}"
    )
