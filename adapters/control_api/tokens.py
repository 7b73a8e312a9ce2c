"""Bearer tokens and what they allow: viewers read, operators also change."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from typing import NamedTuple

from domain.errors import Fault, InvalidInput

SHORTEST_TOKEN = 16


class Role(StrEnum):
    VIEWER = "viewer"
    OPERATOR = "operator"


class Actor(NamedTuple):
    """Who asks: the name is recorded with every event the request makes."""

    name: str
    role: Role


class Tokens:
    """Keeps hashes only, so that no token can be read out of memory dumps, logs or tracebacks."""

    def __init__(self, texts: Iterable[str] = ()) -> None:
        """Each text is "name:role:token". Raises InvalidInput that tells which one is wrong, never what it says."""
        self._actors = [_read(number, text.strip()) for number, text in enumerate(texts)]

    def __bool__(self) -> bool:
        return bool(self._actors)

    def actor(self, token: str) -> Actor | None:
        """Whose token this is; takes equally long for every token of the same length."""
        digest, found = _digest(token), None
        for known, actor in self._actors:
            if compare_digest(known, digest):
                found = actor
        return found


def _read(number: int, text: str) -> tuple[bytes, Actor]:
    name, _, rest = text.partition(":")
    role, _, token = rest.partition(":")
    pointer = f"/tokens/{number}"
    if not name or not token:
        raise InvalidInput([Fault(pointer, "a text of another form", "name:role:token")])
    if role not in tuple(Role):
        raise InvalidInput([Fault(pointer, f"the role {role!r}", " or ".join(Role))])
    if len(token) < SHORTEST_TOKEN:
        raise InvalidInput([Fault(pointer, f"a token of {len(token)} characters", f"at least {SHORTEST_TOKEN}")])
    return _digest(token), Actor(name, Role(role))


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()
