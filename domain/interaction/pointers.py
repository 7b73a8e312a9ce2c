"""JSON pointers (RFC 6901) followed into plain values; `*` stands for every element of a list in an edit."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from depot_sim.domain.interaction.message import NOTHING

_FORM = re.compile(r"(?:/(?:[^~/]|~[01])*)*")
_INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)


def is_pointer(text: str) -> bool:
    return _FORM.fullmatch(text) is not None


def tokens_of(pointer: str) -> list[str]:
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def resolve(value: Any, pointer: str) -> Any:
    """What the pointer leads to, NOTHING when it leads nowhere."""
    for token in tokens_of(pointer):
        value = _member(value, token)
    return value


def edited(value: Any, tokens: list[str], change: Callable[[Any], Any]) -> Any:
    """A copy in which `change` has been made wherever `tokens` lead; what it turns into NOTHING is taken out."""
    if not tokens:
        return change(value)
    token, rest = tokens[0], tokens[1:]
    if isinstance(value, list):
        items = [edited(held, rest, change) if token in {"*", str(i)} else held for i, held in enumerate(value)]
        return [held for held in items if held is not NOTHING]
    if isinstance(value, dict) and token in value:
        members = {**value, token: edited(value[token], rest, change)}
        return {name: held for name, held in members.items() if held is not NOTHING}
    return value


def _member(value: Any, token: str) -> Any:
    if isinstance(value, dict):
        return value.get(token, NOTHING)
    if isinstance(value, list) and _INDEX.fullmatch(token) and int(token) < len(value):
        return value[int(token)]
    return NOTHING
