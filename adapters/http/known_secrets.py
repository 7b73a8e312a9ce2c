"""Masks known secret values in text: in clear, escaped (see `escapes`), in base64 and in hexadecimal.

A text is not searched for each value: it is cut into windows of 8 (or 4) bytes, which are looked up in one table. A
value of at least 15 (or 7) bytes contains one whole window wherever it begins, and that window begins in its first 8
(or 4) bytes. So the cost grows with the text and not with the number of secrets.
"""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from collections import Counter
from collections.abc import Iterator
from threading import Lock
from typing import Literal, NamedTuple
from urllib.parse import quote_plus

from depot_sim.adapters.http.escapes import MOST_LAYERS, Span, fully_unescaped, has_escapes, spans_before, unescaped
from depot_sim.domain.kernel.masking import MASK
from depot_sim.domain.kernel.secret_references import SHORTEST

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
        alone = (form,)  # shared by its windows, since it takes half of the memory
        for window in self._starts(form):
            held = self.table.get(window, ())
            if form not in held:
                self.table[window] = (*held, form) if held else alone

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
        data, spans = self._known_in(text)
        return _masked(data, spans).decode("utf-8", "surrogatepass") if spans else text

    def first_in(self, text: str) -> str | None:
        """The part of the text that is a known value, in the form in which it stands there; None when there is none."""
        data, spans = self._known_in(text)
        if not spans:
            return None
        start, end = min(spans)
        return data[start:end].decode("utf-8", "backslashreplace")

    def _known_in(self, text: str) -> tuple[bytes, list[Span]]:
        """The text in bytes, and where known values stand in them."""
        if not self._forms:
            return b"", []
        data = text.encode("utf-8", "surrogatepass")
        if not has_escapes(data) and not (self._long.found(data) or self._short.found(data)):
            return data, []  # as nearly all texts
        return data, self._spans(data, MOST_LAYERS)

    def _spans(self, data: bytes, layers: int) -> list[Span]:
        """Where a known value stands in the data, or in what it is after up to this many layers of escapes."""
        found = self._long.found(data) | self._short.found(data)
        spans = list(_occurrences(data, found)) if found else []
        if layers:
            shown = unescaped(data)
            if shown is not data:
                within = self._spans(shown, layers - 1)
                spans += spans_before(data, within) if within else []
        return spans

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


def _occurrences(data: bytes, forms: set[bytes]) -> Iterator[Span]:
    for form in forms:
        start = data.find(form)
        while start >= 0:
            end = start + len(form)
            yield Span(start, end)
            start = data.find(form, end)


def _masked(data: bytes, spans: list[Span]) -> bytes:
    """Spans that overlap are masked as one. No character is cut: a form may begin with the second byte of one."""
    parts, done = [], 0
    for start, end in sorted(spans):
        if start >= done:
            parts += [data[done : _character_begin(data, start)], _MASK]
        done = max(done, end)
        while _is_within_character(data, done):
            done += 1
    return b"".join([*parts, data[done:]])


def _character_begin(data: bytes, place: int) -> int:
    while _is_within_character(data, place):
        place -= 1
    return place


def _is_within_character(data: bytes, place: int) -> bool:
    return place < len(data) and data[place] & 0xC0 == 0x80


def _forms(value: str) -> Iterator[bytes]:
    """Every way in which the value may stand in a text without escapes, and what is left when its own are undone."""
    plain = value.encode("utf-8", "surrogatepass")
    form_field = quote_plus(plain)
    texts = {value, value.replace(" ", "+"), plain.decode("latin-1")}  # the last one: bytes of a header
    clear = {one.encode("utf-8", "surrogatepass") for one in texts} | set(_as_latin(value))
    yield from clear
    yield from (one for one in map(fully_unescaped, clear) if len(one) >= SHORTEST)
    yield from (plain.hex().encode(), plain.hex().upper().encode())
    for data in {plain, form_field.encode(), b64encode(plain).rstrip(b"=")}:
        yield from _base64(data)


def _as_latin(value: str) -> Iterator[bytes]:
    """The value in a body or in percent-encoding of latin-1, and what such a body becomes when it is read as UTF-8."""
    try:
        data = value.encode("latin-1")
    except UnicodeEncodeError:
        return
    yield data
    if not value.isascii():
        yield from _base64(data)
    for errors in ("backslashreplace", "surrogateescape"):
        yield data.decode("utf-8", errors).encode("utf-8", "surrogatepass")


def _base64(data: bytes) -> Iterator[bytes]:
    """The characters that stand for the data alone, at each of the three places where it may begin in a whole."""
    for before in range(3):
        first = -(-8 * before // _BASE64_BITS)
        behind = 8 * (before + len(data)) // _BASE64_BITS
        for encode in (b64encode, urlsafe_b64encode):
            yield encode(bytes(before) + data)[first:behind]
