"""Bearer tokens of the service and whom they belong to: viewers read, operators also change."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from hmac import compare_digest
from typing import NamedTuple

from depot_sim.adapters.front_door.rules import SHORTEST_TOKEN
from depot_sim.application.access.actors import Actor, Role
from depot_sim.domain.kernel.errors import Fault, InvalidInput


class TokenText(NamedTuple):
    """ "NAME:ROLE:TOKEN", and the JSON pointer or line of its origin for errors."""

    pointer: str
    text: str
    line: int = 0

    @property
    def name(self) -> str:
        return self.text.partition(":")[0]

    @property
    def token(self) -> str:
        """What follows name and role, which may contain colons itself."""
        return self.text.partition(":")[2].partition(":")[2]


class Tokens:
    """Keeps hashes only, so that no token can be read from memory dumps, logs or tracebacks."""

    def __init__(self, texts: Iterable[TokenText] = ()) -> None:
        """Raises InvalidInput for the first wrong text; it names its place, never its content."""
        self._actors: dict[bytes, Actor] = {}
        for text in texts:
            digest, actor = _read(text)
            if self._actors.setdefault(digest, actor) != actor:
                raise _fault(text, "a token that another name or role has already", "a token of its own")

    def __bool__(self) -> bool:
        return bool(self._actors)

    def actor(self, token: str) -> Actor | None:
        """The owner of a token, None for an unknown one. Takes equally long for every token of the same length."""
        digest, found = _digest(token), None
        for known, actor in self._actors.items():
            if compare_digest(known, digest):
                found = actor
        return found


def listed(texts: Iterable[str]) -> list[TokenText]:
    """Tokens that were given as a list, such as that of DEPOT_SIM_TOKENS."""
    return [TokenText(f"/tokens/{number}", text.strip()) for number, text in enumerate(texts)]


def _read(text: TokenText) -> tuple[bytes, Actor]:
    name, role, token = text.name, text.text.partition(":")[2].partition(":")[0], text.token
    if not name or not token:
        raise _fault(text, f"a {'line' if text.line else 'text'} that is not NAME:ROLE:TOKEN", "NAME:ROLE:TOKEN")
    if role not in tuple(Role):
        raise _fault(text, "an unknown role in the second place", " or ".join(Role))
    if len(token) < SHORTEST_TOKEN:
        raise _fault(text, f"a token of {len(token)} characters", f"at least {SHORTEST_TOKEN} characters")
    if not (token.isascii() and token.isprintable()):
        raise _fault(text, "a token with characters beyond printable ASCII", "printable ASCII characters only")
    return _digest(token), Actor(name, Role(role))


def _fault(text: TokenText, found: str, expected: str) -> InvalidInput:
    return InvalidInput([Fault(text.pointer, found, expected, line=text.line)])


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()
