"""Masks known secret values in text, in clear and in the encodings in which HTTP carries them.

A text is not searched for each value: it is cut into windows of 8 (or 4) bytes, which are looked up in one table. A
value of at least 15 (or 7) bytes contains one whole window wherever it begins, and that window begins in its first 8
(or 4) bytes. So the cost grows with the text and not with the number of secrets.
"""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections import Counter
from collections.abc import Iterator
from threading import Lock
from typing import Literal, NamedTuple
from urllib.parse import quote, quote_plus

from domain.masking import MASK
from domain.secret_references import SHORTEST

MOST_VALUES = 8_192
"""Values that are known at once; beyond them the one known for the longest time is forgotten until its next use."""
_MASK = MASK.encode()
_BASE64_BITS = 6


class _Windows(NamedTuple):
    """`format` is that of struct for one window, `table` leads from a window to the forms that contain it there."""

    size: int
    format: Literal["I", "Q"]
    table: dict[int, tuple[bytes, ...]]

    def of(self, data: bytes) -> memoryview[int]:
        return memoryview(data)[: len(data) - len(data) % self.size].cast(self.format)

    def add(self, form: bytes) -> None:
        for window in self._starts(form):
            held = self.table.get(window, ())
            if form not in held:
                self.table[window] = (*held, form)

    def remove(self, form: bytes) -> None:
        for window in self._starts(form):
            left = tuple(held for held in self.table.get(window, ()) if held != form)
            if left:
                self.table[window] = left
            else:
                self.table.pop(window, None)

    def found(self, data: bytes) -> set[bytes]:
        """Forms that may be in the data."""
        view = self.of(data)
        if not self.table or self.table.keys().isdisjoint(view):
            return set()
        return {form for window in view for form in self.table.get(window, ())}

    def _starts(self, form: bytes) -> list[int]:
        return [self.of(form[begin : begin + self.size])[0] for begin in range(self.size)]


class KnownSecrets:
    """A bounded set of values. Values under 8 characters are not taken: masking them would hide ordinary text."""

    def __init__(self, most: int = MOST_VALUES) -> None:
        self._most = most
        self._forms: dict[str, frozenset[bytes]] = {}
        self._uses: Counter[bytes] = Counter()
        self._long = _Windows(8, "Q", {})
        self._short = _Windows(4, "I", {})
        self._lock = Lock()

    def add(self, value: str) -> None:
        """Mask this value from now on."""
        if value in self._forms or len(value) < SHORTEST:
            return
        forms = frozenset(_forms(value))
        with self._lock:
            if value in self._forms:
                return
            for form in forms:
                self._windows(form).add(form)
            self._uses.update(forms)
            self._forms[value] = forms
            while len(self._forms) > self._most:
                self._forget(next(iter(self._forms)))

    def mask(self, text: str) -> str:
        """The text with every known value masked; the same object when there is none in it."""
        if not self._forms:
            return text
        data = text.encode("utf-8", "surrogatepass")
        found = self._long.found(data) | self._short.found(data)
        if not found:
            return text
        masked = data
        for form in sorted(found, key=len, reverse=True):
            masked = masked.replace(form, _MASK)
        return text if masked == data else masked.decode("utf-8", "surrogatepass")

    def _forget(self, value: str) -> None:
        """A form that another value has as well stays known."""
        forms = self._forms.pop(value)
        self._uses.subtract(forms)
        for form in forms:
            if not self._uses[form]:
                del self._uses[form]
                self._windows(form).remove(form)

    def _windows(self, form: bytes) -> _Windows:
        return self._long if len(form) >= 2 * self._long.size - 1 else self._short


def _forms(value: str) -> Iterator[bytes]:
    """Every way in which the value may stand in a text."""
    plain = value.encode("utf-8", "surrogatepass")
    escaped = {quote(plain, safe=""), quote(plain), quote_plus(plain)}
    escaped |= {one.replace("%", "%25") for one in escaped if "%" in one}
    read_as_latin = plain.decode("latin-1")  # bytes of a header
    written_as_latin = value.encode("latin-1", "ignore").decode("utf-8", "backslashreplace")  # of a body
    texts = {value, read_as_latin, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    texts |= {written_as_latin} if value.encode("latin-1", "ignore").decode("latin-1") == value else set()
    texts |= {json.dumps(one, ensure_ascii=False)[1:-1] for one in texts}
    yield from (one.encode("utf-8", "surrogatepass") for one in texts)
    yield from (one.encode() for one in escaped)
    yield from (_lower_case_escapes(one).encode() for one in escaped)
    for one in {plain, quote_plus(plain).encode()}:
        yield from _base64(one)


def _lower_case_escapes(escaped: str) -> str:
    first, *rest = escaped.split("%")
    return "%".join([first, *(part[:2].lower() + part[2:] for part in rest)])


def _base64(data: bytes) -> Iterator[bytes]:
    """The characters that stand for the data alone, at each of the three places where it may begin in a whole."""
    for before in range(3):
        first = -(-8 * before // _BASE64_BITS)
        behind = 8 * (before + len(data)) // _BASE64_BITS
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(bytes(before) + data)[first:behind]
