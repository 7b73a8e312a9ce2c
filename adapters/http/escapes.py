"""Undoes the escapes of JSON, percent-encoding and HTML in text, and leads back from a place in it to the original.

Which characters are escaped, and how, is the choice of each library: `/` is `\\/` in PHP, `+` is `\\u002B` in .NET. So
all escapes are undone, wherever they stand, instead of listing what libraries write.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from functools import lru_cache
from html import unescape
from typing import NamedTuple

MOST_LAYERS = 4
"""How often one text is decoded: JSON in JSON in a query is three layers."""
_escape = re.compile(
    rb"""\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}  # two halves of one character
    |\\u[0-9a-fA-F]{4}
    |\\x[0-9a-fA-F]{2}
    |\\\\(?:\\\\){7,}  # a run as one, since each match takes time
    |\\["'\\/bfnrt]
    |%[0-9a-fA-F]{2}
    |&(?:\#[0-9]{1,7}|\#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});""",
    re.VERBOSE,
)
"""Each alternative begins with a character, so that a search skips all others quickly."""
_BACKSLASH, _PERCENT, _AMPERSAND = b"\\%&"  # numbers are found in bytes 10 times as fast as bytes are
_LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}


class Span(NamedTuple):
    """From `start` until before `end`, in bytes."""

    start: int
    end: int


def has_escapes(data: bytes) -> bool:
    """Whether there may be escapes in the data."""
    return _BACKSLASH in data or _PERCENT in data or _AMPERSAND in data


def unescaped(data: bytes) -> bytes:
    """The data with one layer of escapes undone; the same object when there are none in it."""
    if not has_escapes(data):
        return data
    shown = _escape.sub(_character_of_match, data)
    return data if shown == data else shown


def fully_unescaped(data: bytes) -> bytes:
    """The data with up to MOST_LAYERS layers of escapes undone."""
    for _ in range(MOST_LAYERS):
        before, data = data, unescaped(data)
        if data is before:
            break
    return data


def spans_before(data: bytes, spans: list[Span]) -> list[Span]:
    """The spans of `data` that became these spans of `unescaped(data)`; escapes are part of a span as a whole."""
    starts, ends = [0], [0]  # of each escape, in the unescaped text
    first, last = [0], [0]  # of each escape, in the data
    for match in _escape.finditer(data):
        start = ends[-1] + match.start() - last[-1]
        starts.append(start)
        ends.append(start + len(_character(match[0])))
        first.append(match.start())
        last.append(match.end())
    back = []
    for start, end in spans:
        at, until = bisect_right(starts, start) - 1, bisect_left(starts, end) - 1
        back.append(
            Span(
                first[at] if start < ends[at] else last[at] + start - ends[at],
                last[until] if end <= ends[until] else last[until] + end - ends[until],
            )
        )
    return back


def _character_of_match(match: re.Match[bytes]) -> bytes:
    return _character(match[0])


@lru_cache(4_096)
def _character(escape: bytes) -> bytes:
    match escape[:1], escape[1:2]:
        case _, b"\\":
            return escape[: len(escape) // 2]
        case b"%", _:
            return bytes.fromhex(escape[1:].decode())
        case b"&", _:
            return unescape(escape.decode()).encode("utf-8", "surrogatepass")
        case _, b"u":
            units = bytes.fromhex(escape.replace(b"\\u", b"").decode())
            return units.decode("utf-16-be", "surrogatepass").encode("utf-8", "surrogatepass")
        case _, b"x":
            return bytes.fromhex(escape[2:].decode()).decode("latin-1").encode()
    return _LETTERS.get(escape[1:], escape[1:])
