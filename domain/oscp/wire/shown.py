"""Foreign text in findings: short, printable, and never mistaken for our own words."""

from __future__ import annotations

_LONGEST = 60


def quoted(text: str) -> str:
    """`text` in quotes, cut to a length that fits a line."""
    return f'"{_printable(text)}"'


def child(pointer: str, name: str) -> str:
    """The pointer (RFC 6901) to an object's member; of a very long name, its beginning."""
    return f"{pointer}/{_printable(name).replace('~', '~0').replace('/', '~1')}"


def shown(value: object) -> str:
    """A value of a JSON document in a few words."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return quoted(value)
        case list():
            return f"a list of {len(value)}"
        case dict():
            return "an object"
    return _number(value)


def _printable(text: str) -> str:
    if len(text) <= _LONGEST and text.isprintable():
        return text
    printable = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text[:_LONGEST])
    return f"{printable}…" if len(text) > _LONGEST else printable


def _number(value: object) -> str:
    if isinstance(value, int) and value.bit_length() > 200:
        return "a number of more than 60 digits"
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
