"""Store URLs: which database, and how durable.

    sqlite:///depot.db                 a file beside the working directory (four slashes: an absolute path)
    sqlite:// or memory:               in memory, gone when it is closed
    postgresql://user@host/database    a server; libpq's parameters go into the query

Every URL but those in memory takes `durability=`, see Durability.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from depot_sim.domain.kernel.errors import Fault, InvalidInput

EXPECTED = "sqlite:///FILE, memory: or postgresql://USER@HOST/DATABASE"


class Durability(StrEnum):
    """What an acknowledged append has survived."""

    DURABLE = "durable"
    """A kill and a power cut."""

    MAY_LOSE_LAST_COMMITS = "may_lose_last_commits"
    """A kill. A power cut may take the last commits, but never tears the log."""


class SqliteUrl(NamedTuple):
    path: Path | None
    """The file, or None for a log in memory."""
    durability: Durability


class PostgresUrl(NamedTuple):
    conninfo: str
    """What libpq takes."""
    durability: Durability


def parse_store_url(url: str) -> SqliteUrl | PostgresUrl:
    """Raises InvalidInput, without repeating a password, when the URL names no store."""
    if url == "memory:":
        return SqliteUrl(None, Durability.DURABLE)
    try:
        scheme, host, path, query, fragment = urlsplit(url)
    except ValueError:
        raise _invalid("a URL that cannot be parsed") from None
    durability, parameters = _durability(query)
    if scheme == "sqlite":
        return _sqlite(host, path, parameters, fragment, durability)
    if scheme in ("postgresql", "postgres"):
        libpq = urlencode(parameters)
        return PostgresUrl(f"postgresql://{host}{path}" + (f"?{libpq}" if libpq else ""), durability)
    raise _invalid(f"the scheme {scheme!r}" if scheme else "no scheme")


def _sqlite(
    host: str, path: str, parameters: list[tuple[str, str]], fragment: str, durability: Durability
) -> SqliteUrl:
    if host:
        raise _invalid(f"the host {host!r}", "sqlite:///FILE with three slashes, or four for an absolute path")
    if parameters or fragment:
        raise _invalid(f"the parameter {parameters[0][0] if parameters else fragment!r}", "durability= or none")
    if path in ("", "/"):
        return SqliteUrl(None, durability)
    return SqliteUrl(Path(unquote(path[1:])), durability)


def _durability(query: str) -> tuple[Durability, list[tuple[str, str]]]:
    parameters = parse_qsl(query, keep_blank_values=True)
    named = [value for name, value in parameters if name == "durability"]
    rest = [(name, value) for name, value in parameters if name != "durability"]
    try:
        return (Durability(named[-1]) if named else Durability.DURABLE), rest
    except ValueError:
        raise _invalid(f"durability {named[-1]!r}", " or ".join(Durability)) from None


def _invalid(found: str, expected: str = EXPECTED) -> InvalidInput:
    return InvalidInput([Fault("", found, expected)], "the store URL is not valid")
