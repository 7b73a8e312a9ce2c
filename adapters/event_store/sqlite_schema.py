"""The tables in SQLite, and the look at a file before anything may touch it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from depot_sim.adapters.event_store.file_lock import read_beginning
from depot_sim.adapters.event_store.sqlite_reader import FileReader
from depot_sim.domain.kernel.errors import StoreError, StoreTooNew, StoreUnreadable

SCHEMA_VERSION = 1

CREATE_TABLES = (
    "CREATE TABLE IF NOT EXISTS store_info (schema_version INTEGER NOT NULL)",
    f"INSERT INTO store_info SELECT {SCHEMA_VERSION} WHERE NOT EXISTS (SELECT 1 FROM store_info)",
    # An explicit key: VACUUM may renumber any other.
    """CREATE TABLE IF NOT EXISTS events (
        position INTEGER PRIMARY KEY,
        stream TEXT NOT NULL,
        version INTEGER NOT NULL,
        topic TEXT NOT NULL,
        state BLOB NOT NULL,
        recorded_at INTEGER NOT NULL,
        metadata BLOB NOT NULL,
        UNIQUE (stream, version))""",
    """CREATE TABLE IF NOT EXISTS snapshots (
        stream TEXT NOT NULL,
        version INTEGER NOT NULL,
        at INTEGER NOT NULL,
        state BLOB NOT NULL,
        PRIMARY KEY (stream, version))""",
    """CREATE TABLE IF NOT EXISTS leases (
        run TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        token INTEGER NOT NULL,
        expires INTEGER NOT NULL,
        retired INTEGER NOT NULL DEFAULT 0)""",
    "CREATE TABLE IF NOT EXISTS write_probe (number INTEGER NOT NULL)",
    "INSERT INTO write_probe SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM write_probe)",
)

_MAGIC = b"SQLite format 3\0"
_FULL_CHECK_BYTES = 16 << 20  # up to here a check of every page takes a blink
_RESTORE = "restore the file from a backup, or name another one"


def inspect_file(path: Path) -> bool:
    """Whether `path` is a store; False for a file that may become one. Changes no byte of it.

    Raises StoreUnreadable or StoreTooNew for any other file. Not to be called while this process has the database
    open for reading: closing the file here would release SQLite's locks on it.
    """
    path = path.resolve()
    try:
        if not path.exists():
            return False
        size = path.stat().st_size
        header = read_beginning(path, 100)
    except OSError as error:
        raise StoreUnreadable(f"{path} cannot be read: {error.strerror}", "name a file this program may read") from None
    if size == 0:
        return False
    _inspect_header(path, header, size)
    with closing(FileReader(path)) as reader:
        return _inspect_content(path, reader, size)


def require_store(path: Path) -> None:
    """Raises StoreError when there is no store in `path`, StoreUnreadable or StoreTooNew for another file."""
    if not inspect_file(path):
        raise StoreError(f"{path} holds no event store", "name a file that depot-sim run --db or serve has written")


def _inspect_header(path: Path, header: bytes, size: int) -> None:
    if not header.startswith(_MAGIC[: len(header)]):
        raise StoreUnreadable(
            f"{path} is not an SQLite database", "name a depot-sim store, or a file that does not exist yet"
        )
    if len(header) < 100 or (size < _promised_size(header) and not _has_log(path)):
        raise StoreUnreadable(f"{path} is truncated", _RESTORE)


def _promised_size(header: bytes) -> int:
    """Page size (1 stands for 64 KiB) times page count, as the header has them."""
    page = int.from_bytes(header[16:18], "big")
    return (65536 if page == 1 else page) * int.from_bytes(header[28:32], "big")


def _has_log(path: Path) -> bool:
    """Whether a write-ahead log stands beside the file: then the file alone may be behind its own header."""
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


def _inspect_content(path: Path, reader: FileReader, size: int) -> bool:
    tables = {name for (name,) in reader.fetch("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if not tables:
        return False
    _inspect_version(path, reader, tables)
    _inspect_pages(path, reader, size)
    return True


def _inspect_version(path: Path, reader: FileReader, tables: set[str]) -> None:
    version = None
    if "store_info" in tables:
        ((version,),) = reader.fetch("SELECT max(schema_version) FROM store_info")
    if not isinstance(version, int):
        raise StoreUnreadable(
            f"{path} is a database of another program", "name a depot-sim store, or a file that does not exist yet"
        )
    if version > SCHEMA_VERSION:
        raise StoreTooNew(
            f"{path} has schema version {version}, this depot-sim knows {SCHEMA_VERSION}",
            "open it with the newer depot-sim",
        )


def _inspect_pages(path: Path, reader: FileReader, size: int) -> None:
    if size > _FULL_CHECK_BYTES:
        reader.fetch("SELECT max(position) FROM events")
        return
    ((verdict,),) = reader.fetch("PRAGMA quick_check(1)")
    if verdict != "ok":
        raise StoreUnreadable(f"{path} is damaged: {verdict}", _RESTORE)
