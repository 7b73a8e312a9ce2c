"""The SQLite library that this process has loaded, and whether it has the fix of the WAL-reset bug.

The bug (SQLite 3.7.0 to 3.51.2, https://sqlite.org/wal.html#walresetbug): two connections of one file that commit and
checkpoint at the same instant may lose committed pages. depot-sim never does that, see docs/architecture.md; other
programs that write to the file at the same time might.
"""

from __future__ import annotations

import sqlite3

import msgspec

Version = tuple[int, int, int]

_FIXED_IN: Version = (3, 51, 3)
_BACKPORTED_IN: dict[tuple[int, int], int] = {(3, 50): 7, (3, 44): 6}
"""First patch release with the fix, by release line."""


class SqliteLibrary(msgspec.Struct, frozen=True):
    """`version` such as "3.51.3"."""

    version: str
    wal_reset_fixed: bool

    def __str__(self) -> str:
        if self.wal_reset_fixed:
            return f"SQLite {self.version}"
        return f"SQLite {self.version} (its known WAL fault cannot occur here, see docs/operation.md)"


def loaded_library() -> SqliteLibrary:
    return SqliteLibrary(sqlite3.sqlite_version, has_wal_reset_fix(sqlite3.sqlite_version_info))


def has_wal_reset_fix(version: Version) -> bool:
    """True for 3.51.3 and later, 3.50.7 and later 3.50.x, 3.44.6 and later 3.44.x."""
    major, minor, patch = version
    backported = _BACKPORTED_IN.get((major, minor))
    return version >= _FIXED_IN or (backported is not None and patch >= backported)
