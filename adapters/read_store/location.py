"""Where the read models of an event store are, from that store's own URL."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from depot_sim.domain.kernel.errors import Fault, InvalidInput


class Memory(NamedTuple):
    """Gone with the process."""


class Folder(NamedTuple):
    """One file per read model, in a folder beside the event store's file."""

    path: Path


class Server(NamedTuple):
    """The event store's own PostgreSQL database; libpq's connection string."""

    conninfo: str


def locate(url: str) -> Memory | Folder | Server:
    """Raises InvalidInput for a URL that names no store."""
    scheme, host, path, query, _ = urlsplit(url)
    if url == "memory:" or (scheme == "sqlite" and path in ("", "/")):
        return Memory()
    if scheme == "sqlite":
        return Folder(Path(unquote(path[1:]) + ".read"))
    if scheme in ("postgresql", "postgres"):
        libpq = urlencode([(name, value) for name, value in parse_qsl(query, True) if name != "durability"])
        return Server(f"postgresql://{host}{path}" + (f"?{libpq}" if libpq else ""))
    expected = "sqlite:///FILE, memory: or postgresql://USER@HOST/DATABASE"
    raise InvalidInput([Fault("", f"the scheme {scheme!r}", expected)], "the store URL is not valid")
