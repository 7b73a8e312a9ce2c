"""Where requests begin and end in the bytes that a client sends (RFC 9112).

This parser reads no more than the framing. It refuses what two parsers could read differently, so that it always
agrees with the parser behind it about where the next head begins.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

_END_OF_LINE = re.compile(rb"\n")
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_FRAMING = re.compile(rb"\n(content-length|transfer-encoding)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r")
_OTHER_MAJOR_VERSION = re.compile(rb"[^\r\n]* HTTP/(?!1\.)[0-9]+(?:\.[0-9]+)?\r\n")
_BEFORE_MINOR_VERSION = b" HTTP/1."
_EMPTY_LINE = b"\r\n"
_METHOD_TOO_LONG = re.compile(rb"\S{21}")
_MOST_METHOD_BYTES = 20
_MOST_DIGITS = 18
_LENGTH = re.compile(rb"[0-9]{1,18}")
_CONTENT_LENGTH = b"\ncontent-length"
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\r\n]*)?\r\n")


class Refusal(NamedTuple):
    """The bytes from `offset` on are refused with this HTTP status."""

    status: int
    offset: int


class RequestFraming:
    """Follows the requests of one connection.

    `heads` counts heads that are complete, `requests` counts requests whose body is complete, too.
    """

    __slots__ = ("_empty_line", "_head_bytes", "_held", "_ignored", "_left", "_read", "heads", "requests")

    def __init__(self, head_bytes: int) -> None:
        self.heads = 0
        self.requests = 0
        self._empty_line = 0
        """How many bytes of an empty line before the next request have come."""
        self._head_bytes = head_bytes
        self._held = bytearray()
        """The beginning of a head, of a chunk's first line or of trailers."""
        self._ignored: list[int] = []
        """Where the bytes of such lines are in the data that were fed last."""
        self._left = 0
        """Bytes of the body, or of the chunk and its line end, that are still to come."""
        self._read: Callable[[bytes, int], int] = self._read_head

    @property
    def partial_head(self) -> int:
        """The number, from 1 on, of the head that has begun and is not complete; 0 without any."""
        return self.heads + 1 if self._held and self.heads == self.requests else 0

    @property
    def is_in_body(self) -> bool:
        return self.heads > self.requests

    @property
    def declared_rest(self) -> int | None:
        """How many bytes of the body are still to come; None when that is not declared: the body comes in chunks."""
        is_in_chunks = self.is_in_body and self._read != self._read_body
        return None if is_in_chunks else self._left

    def is_one_request(self, data: bytes) -> bool:
        """Count the data when it is one whole request, plainly framed and between others; else `feed` is to follow it.

        Nearly all requests come so. This costs a fifth of `feed`.
        """
        end = data.find(b"\r\n\r\n") + 4
        if (
            self.heads != self.requests
            or self._held
            or self._empty_line == 1
            or not 4 <= end <= self._head_bytes
            or not data.startswith(_BEFORE_MINOR_VERSION, (line_end := data.find(b"\r")) - 9, line_end)
        ):
            return False
        head = data[:end].lower()
        begin = head.find(_CONTENT_LENGTH) + len(_CONTENT_LENGTH)
        length = head[begin : head.find(b"\r", begin)] if begin >= len(_CONTENT_LENGTH) else b": 0"
        digits = length[2:]
        if (
            length[:2] != b": "
            or not digits.isdigit()
            or len(digits) > _MOST_DIGITS
            or end + int(digits) != len(data)
            or data.find(b" ", 0, _MOST_METHOD_BYTES + 1) < 0
            or b"\ntransfer-encoding" in head
            or head.count(b"\n") != head.count(b"\r\n")
            or b"\n " in head
            or b"\n\t" in head
        ):
            return False
        self.heads += 1
        self.requests += 1
        self._empty_line = 0
        return True

    def feed(self, data: bytes) -> Refusal | None:
        """Follow the next bytes. After a refusal the connection is to be closed."""
        position, end = 0, len(data)
        self._ignored.clear()
        try:
            while position < end:
                position = self._read(data, position)
        except _Refused as refused:
            return Refusal(refused.status, position)
        return None

    def without_ignored(self, data: bytes, end: int) -> bytes:
        """The data that were fed last, up to `end`, without empty lines before requests."""
        edges = [-1, *self._ignored, end]
        return b"".join(data[before + 1 : at] for before, at in pairwise(edges)) if self._ignored else data[:end]

    # Each reads from a position and returns the one after what it has read

    def _read_head(self, data: bytes, start: int) -> int:
        if not self._held and (self._empty_line == 1 or data[start] == _EMPTY_LINE[0]):
            return self._read_empty_line(data, start)
        end = data.find(b"\r\n\r\n", start) if not self._held else -1
        if 0 <= end <= start + self._head_bytes - 4:  # most heads come in one piece
            head, after = data[start : end + 4], end + 4
        else:
            found = self._complete(_END_OF_HEAD, data, start, 431)
            if found is None:
                return len(data)
            head, after = found
        self._begin_body(head)
        self.heads += 1
        return after

    def _read_empty_line(self, data: bytes, start: int) -> int:
        """One before a request is ignored (RFC 9112 2.2), a second one is not."""
        if data[start : start + 1] != _EMPTY_LINE[self._empty_line : self._empty_line + 1]:
            raise _Refused(400)
        self._ignored.append(start)
        self._empty_line += 1
        return start + 1

    def _read_body(self, data: bytes, start: int) -> int:
        after = self._skip(data, start)
        if not self._left:
            self._end_request()
        return after

    def _read_chunk_size(self, data: bytes, start: int) -> int:
        found = self._complete(_END_OF_LINE, data, start, 400)
        if found is None:
            return len(data)
        line, after = found
        match = _CHUNK_SIZE.fullmatch(line)
        if match is None:
            raise _Refused(400)
        size = int(match[1], 16)
        if size:
            self._left = size + len(b"\r\n")
            self._read = self._read_chunk
        else:
            self._held += b"\n"  # so that trailers end as a head does, also when there are none
            self._read = self._read_trailers
        return after

    def _read_chunk(self, data: bytes, start: int) -> int:
        after = self._skip(data, start)
        if not self._left:
            self._read = self._read_chunk_size
        return after

    def _read_trailers(self, data: bytes, start: int) -> int:
        found = self._complete(_END_OF_HEAD, data, start, 431)
        if found is None:
            return len(data)
        self._end_request()
        return found[1]

    # What they share

    def _complete(self, end: re.Pattern[bytes], data: bytes, start: int, status: int) -> tuple[bytes, int] | None:
        """What was held and the data up to the end, and the position after it; None when the end is still to come.

        Every byte is searched once, but for the two before a new piece, which may be part of the end.
        """
        held = self._held
        known = len(held)
        held += data[start : start + self._head_bytes + 1]
        match = end.search(held, max(0, known - 2))
        if match is not None and match.end() <= self._head_bytes:
            whole = bytes(held[: match.end()])
            held.clear()
            return whole, start + match.end() - known
        if len(held) > self._head_bytes:
            raise _Refused(status)
        return None

    def _skip(self, data: bytes, start: int) -> int:
        skipped = min(self._left, len(data) - start)
        self._left -= skipped
        return start + skipped

    def _begin_body(self, head: bytes) -> None:
        if _METHOD_TOO_LONG.match(head):
            raise _Refused(501)
        if _OTHER_MAJOR_VERSION.match(head):
            raise _Refused(505)
        lowered = head.lower()
        if lowered.count(b"\n") != lowered.count(b"\r\n") or b"\n " in lowered or b"\n\t" in lowered:
            raise _Refused(400)  # a line end without CR, or a header folded over two lines
        fields = _FRAMING.findall(lowered)
        codings = [value for name, value in fields if name == b"transfer-encoding"]
        lengths = {
            length.strip() for name, value in fields if name == b"content-length" for length in value.split(b",")
        }
        if codings and lengths:
            raise _Refused(400)
        if codings:
            if codings != [b"chunked"]:
                raise _Refused(501)
            self._read = self._read_chunk_size
            return
        self._left = _only_length(lengths)
        if self._left:
            self._read = self._read_body
        else:
            self._end_request()

    def _end_request(self) -> None:
        self._held.clear()
        self._empty_line = 0
        self.requests += 1
        self._read = self._read_head


def _only_length(lengths: set[bytes]) -> int:
    if len(lengths) > 1 or not all(_LENGTH.fullmatch(length) for length in lengths):
        raise _Refused(400)
    return int(lengths.pop()) if lengths else 0


class _Refused(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status
