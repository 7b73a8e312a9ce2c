"""The tokens that are valid now: those given at start, and those of a file that may change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from depot_sim.adapters.front_door.tokens import Tokens, TokenText, listed
from depot_sim.application.access.actors import Actor
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.written_secrets import SecretIn, no_secret_in

READ_EVERY_SECONDS = 1.0
_LARGEST_FILE = 2**20

_log = logging.getLogger("depot_sim.access")


class _Stamp(NamedTuple):
    """Changes whenever the file is written or replaced, even if its size and time of modification are set back."""

    device: int
    inode: int
    bytes: int
    modified_ns: int
    changed_ns: int


class TokenSource:
    """Tokens given as texts, united with those of a file, one `name:role:token` a line; `#` begins a comment line.

    A file that changed and cannot be used leaves the tokens of before in force: `file_error` says why.
    """

    def __init__(
        self,
        texts: Sequence[str] = (),
        file: Path | None = None,
        learn: Callable[[str], None] = lambda _: None,
        secret_in: SecretIn = no_secret_in,
    ) -> None:
        """`learn` is called with every token that becomes valid, so that it can be masked wherever it is recorded.

        A name is recorded with what its owner does, so none may hold a secret that `secret_in` knows.

        Raises InvalidInput for a wrong text or line, or a file without tokens; OSError for an unreadable file."""
        self._given = listed(texts)
        self._file = file
        self._learn = learn
        self._secret_in = secret_in
        self._stamp: _Stamp | None = None
        self.file_error = ""
        if file is not None:
            self._stamp = _stamp_of(file)
        self._tokens = self._read()

    def __bool__(self) -> bool:
        return bool(self._tokens)

    def actor(self, token: str) -> Actor | None:
        """The owner of a token that is valid now, None for another one."""
        return self._tokens.actor(token)

    async def follow(self) -> None:
        """Read the file again whenever it has changed, looked at once a second, as long as the task lives."""
        while self._file is not None:
            await asyncio.sleep(READ_EVERY_SECONDS)
            await asyncio.to_thread(self.refresh)

    def refresh(self) -> None:
        """Read the file again if it has changed. Keeps the tokens of before when it cannot be used."""
        if self._file is None:
            return
        try:
            stamp = _stamp_of(self._file)
            if stamp == self._stamp:
                return
            tokens = self._read()
        except (OSError, InvalidInput) as error:
            self._fail(_reason(error))
            return
        self._stamp, self._tokens, self.file_error = stamp, tokens, ""
        _log.info("tokens file read again", extra={"file": str(self._file)})

    def _fail(self, reason: str) -> None:
        if reason != self.file_error:
            self.file_error = reason
            _log.error(
                "tokens file cannot be used; the tokens of before stay valid",
                extra={"file": str(self._file), "error": reason},
            )

    def _read(self) -> Tokens:
        texts = [*self._given, *(() if self._file is None else _lines(self._file))]
        tokens = Tokens(texts)
        for text in texts:
            self._learn(text.token)
        for text in texts:
            secret = self._secret_in(text.name)
            if secret is not None:
                fault = secret.fault(text.pointer, "a name")
                raise InvalidInput([msgspec.structs.replace(fault, line=text.line)])
        return tokens


def _lines(file: Path) -> Iterator[TokenText]:
    if file.stat().st_size > _LARGEST_FILE:
        raise _fault(f"{file.stat().st_size} bytes", "at most 1 MiB")
    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise _fault("bytes that are not UTF-8", "one name:role:token a line, in UTF-8") from None
    tokens = [
        TokenText("/tokens_file", line.strip(), number)
        for number, line in enumerate(lines, 1)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    if not tokens:
        raise _fault("no token", "at least one line name:role:token")
    return iter(tokens)


def _fault(found: str, expected: str) -> InvalidInput:
    return InvalidInput([Fault("/tokens_file", found, expected)])


def _stamp_of(file: Path) -> _Stamp:
    stat = file.stat()
    return _Stamp(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def _reason(error: OSError | InvalidInput) -> str:
    return "; ".join(map(str, error.faults)) if isinstance(error, InvalidInput) else str(error.strerror)
