"""SQLite's errors as errors of the event store: what happened, whether anything was written, and what to do."""

from __future__ import annotations

import sqlite3

from depot_sim.domain.kernel.errors import StoreError, StoreUnreadable


def store_error(error: sqlite3.Error) -> StoreError:
    """For an error before a commit: nothing was written."""
    match _code(error):
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StoreUnreadable(f"the event store is damaged: {error}", "restore the file from a backup")
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return StoreUnreadable(
                f"the event store cannot be opened: {error}", "check that the folder exists and may be written to"
            )
        case sqlite3.SQLITE_READONLY:
            return StoreError(f"the event store cannot be written: {error}", "allow writing to the file and its folder")
        case sqlite3.SQLITE_FULL:
            return StoreError(f"the disk is full: {error}; nothing was written", "free some space, then repeat")
        case sqlite3.SQLITE_IOERR:
            return StoreError(
                f"reading or writing the disk failed: {error}; nothing was written", "check the disk, then repeat"
            )
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreError(
                f"another process has locked the event store: {error}", "end its transaction, or try again"
            )
    return StoreError(f"the event store failed: {error}", "see the log of this program")


def commit_error(error: sqlite3.Error) -> StoreError:
    """For an error of COMMIT.

    A full disk takes no complete commit record, so nothing was written. After any other error of the disk the record
    may have reached it, and is then found when the file is opened after a crash: the outcome is unknown.
    """
    if _code(error) != sqlite3.SQLITE_IOERR:
        return store_error(error)
    return StoreError(
        f"the disk failed at the commit: {error}; whether it was written is unknown",
        "check the disk, and read the stream again before repeating the append",
    )


def _code(error: sqlite3.Error) -> int:
    """The primary result code."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
