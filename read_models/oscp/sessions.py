"""Read model `oscp_sessions`: every OSCP session of every run, how it stands, and what was exchanged last."""

from __future__ import annotations

from typing import Any

import msgspec

from depot_sim.read_models.database import Database
from depot_sim.read_models.paging import NEWEST, check_limit
from depot_sim.read_models.schema import ReadModel, Table, Type

SESSIONS = Table(
    "oscp_sessions",
    {
        "session_id": Type.TEXT,
        "position": Type.INTEGER,
        "stream": Type.TEXT,
        "run_id": Type.TEXT,
        "managed_scope_id": Type.TEXT,
        "remote_configuration_id": Type.TEXT,
        "betterfleet_base_url": Type.TEXT,
        "group_id": Type.TEXT,
        "asset_id": Type.TEXT,
        "partner_profile": Type.TEXT,
        "clock": Type.TEXT,
        "attached_at": Type.INTEGER,
        "active": Type.INTEGER,
        "state": Type.TEXT,
        "health": Type.TEXT,
        "changed_at": Type.INTEGER,
        "cause": Type.TEXT,
        "reason": Type.TEXT,
        "messages": Type.INTEGER,
        "last_entry_id": Type.TEXT,
        "last_direction": Type.TEXT,
        "last_message_type": Type.TEXT,
        "last_outcome": Type.TEXT,
        "last_message_at": Type.INTEGER,
        "error_entry_id": Type.TEXT,
        "error": Type.TEXT,
        "error_deliberate": Type.INTEGER,
        "error_at": Type.INTEGER,
    },
    key=("session_id",),
    indices=(("position",), ("run_id", "position"), ("stream",)),
)

MODEL = ReadModel("oscp_sessions", 1, (SESSIONS,))

_SELECT = f"SELECT {', '.join(SESSIONS.columns)} FROM oscp_sessions"


class Session(msgspec.Struct):
    """`position` is where it was attached in the log; `messages` counts those of its ledger since then.

    `attached_at` and `changed_at`, the last change of its state, are on the session's own clock, the other times on the
    wall's: ms since 1970, 0 for never. `last_…` is the newest message, pending until it is final. `error` says what
    went wrong last, `error_entry_id` with which message, if any, `error_deliberate` whether an override wanted it so.
    """

    session_id: str
    position: int
    stream: str
    run_id: str
    managed_scope_id: str
    remote_configuration_id: str
    betterfleet_base_url: str
    group_id: str
    asset_id: str
    partner_profile: str
    clock: str
    attached_at: int
    active: bool = True
    state: str = "offline"
    health: str = "DOWN"
    changed_at: int = 0
    cause: str = ""
    reason: str = ""
    messages: int = 0
    last_entry_id: str = ""
    last_direction: str = ""
    last_message_type: str = ""
    last_outcome: str = ""
    last_message_at: int = 0
    error_entry_id: str = ""
    error: str = ""
    error_deliberate: bool = False
    error_at: int = 0

    def row(self) -> tuple[object, ...]:
        return tuple(int(value) if isinstance(value, bool) else value for value in msgspec.structs.astuple(self))


class SessionPage(msgspec.Struct):
    """`next_before` asks for the following page; None at the end."""

    sessions: list[Session]
    next_before: int | None


def get_session(database: Database, session_id: str) -> Session | None:
    return _one(database.query(f"{_SELECT} WHERE session_id = ?", (session_id,)))


def session_of_stream(database: Database, stream: str) -> Session | None:
    return _one(database.query(f"{_SELECT} WHERE stream = ?", (stream,)))


def list_sessions(
    database: Database,
    *,
    run_id: str | None = None,
    state: str | None = None,
    active: bool | None = None,
    before: int = NEWEST,
    limit: int = 100,
) -> SessionPage:
    """The newest first, those attached before a position. Raises QueryRefused for a bad limit."""
    check_limit(limit)
    asked = {"run_id": run_id, "state": state, "active": None if active is None else int(active)}
    given = {name: value for name, value in asked.items() if value is not None}
    conditions = "".join(f" AND {name} = ?" for name in given)
    sql = f"{_SELECT} WHERE position < ?{conditions} ORDER BY position DESC LIMIT ?"
    found = [_session(row) for row in database.query(sql, (before, *given.values(), limit + 1))]
    page = found[:limit]
    return SessionPage(page, page[-1].position if len(found) > limit else None)


def _one(rows: list[tuple[Any, ...]]) -> Session | None:
    return _session(rows[0]) if rows else None


def _session(row: tuple[Any, ...]) -> Session:
    session = Session(*row)
    session.active, session.error_deliberate = bool(session.active), bool(session.error_deliberate)
    return session
