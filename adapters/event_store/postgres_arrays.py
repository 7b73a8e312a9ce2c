"""Array parameters encoded in one go: psycopg's own dumper looks at every element several times."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import chain
from struct import Struct
from typing import Any

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

_HEAD = Struct("!IIIII")  # dimensions, has nulls, element type, length, lower bound
_length = Struct("!I").pack
_bigint = partial(Struct("!Iq").pack, 8)


class _Encoded(bytes):
    """The bytes of an array in PostgreSQL's binary format."""

    __slots__ = ()


class TextArray(_Encoded):
    __slots__ = ()

    @classmethod
    def of(cls, values: Iterable[str]) -> TextArray:
        return cls(_variable(25, [value.encode() for value in values]))


class ByteaArray(_Encoded):
    __slots__ = ()

    @classmethod
    def of(cls, values: Iterable[bytes]) -> ByteaArray:
        return cls(_variable(17, list(values)))


class BigintArray(_Encoded):
    __slots__ = ()

    @classmethod
    def of(cls, values: Iterable[int]) -> BigintArray:
        items = list(map(_bigint, values))
        return cls(_head(20, len(items)) + b"".join(items))


def register(connection: psycopg.Connection[Any]) -> None:
    """Teach a connection to send them."""
    for dumper in (_TextArrayDumper, _ByteaArrayDumper, _BigintArrayDumper):
        connection.adapters.register_dumper(dumper.of, dumper)


class _EncodedDumper(Dumper):
    format = Format.BINARY
    of: type[_Encoded]

    def dump(self, obj: bytes) -> bytes:
        return obj


class _TextArrayDumper(_EncodedDumper):
    oid = 1009
    of = TextArray


class _ByteaArrayDumper(_EncodedDumper):
    oid = 1001
    of = ByteaArray


class _BigintArrayDumper(_EncodedDumper):
    oid = 1016
    of = BigintArray


def _variable(element: int, items: list[bytes]) -> bytes:
    sizes = map(_length, map(len, items))
    return _head(element, len(items)) + b"".join(chain.from_iterable(zip(sizes, items, strict=True)))


def _head(element: int, length: int) -> bytes:
    head = _HEAD.pack(1, 0, element, length, 1)
    return head if length else bytes(4) + head[4:12]
