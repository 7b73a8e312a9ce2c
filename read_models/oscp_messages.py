"""Read model `oscp_messages`: the message ledger, one row per entry; headers and bodies stay in the log."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from read_models.database import Database
from read_models.paging import NEWEST, check_limit
from read_models.schema import ReadModel, Table, Type

LONGEST_ID = 200
"""Characters of an id that somebody else made up: longer ones are kept and looked for by their beginning."""

MESSAGES = Table(
    "oscp_messages",
    {
        "session_id": Type.TEXT,
        "position": Type.INTEGER,
        "entry_id": Type.TEXT,
        "stream": Type.TEXT,
        "run_id": Type.TEXT,
        "configuration_id": Type.TEXT,
        "direction": Type.TEXT,
        "message_type": Type.TEXT,
        "request_id": Type.TEXT,
        "correlation_id": Type.TEXT,
        "at": Type.INTEGER,
        "outcome": Type.TEXT,
        "validation": Type.TEXT,
        "status": Type.INTEGER,
        "rule": Type.TEXT,
        "findings": Type.INTEGER,
        "deviations": Type.INTEGER,
        "latency_us": Type.INTEGER,
        "error": Type.TEXT,
        "overrides": Type.TEXT,
        "deliberate": Type.INTEGER,
    },
    key=("position",),
    indices=(
        ("entry_id",),
        ("session_id", "position"),
        ("correlation_id", "position"),
        ("request_id", "position"),
        ("session_id", "direction", "message_type", "outcome", "validation", "deliberate", "position"),
    ),
)

_KIND = ("direction", "message_type", "outcome", "validation", "deliberate")

KINDS = Table(
    "oscp_message_kinds",
    {"session_id": Type.TEXT, **{name: MESSAGES.columns[name] for name in _KIND}, "position": Type.INTEGER},
    key=("session_id", *_KIND),
)
"""Which kinds of messages a session has had, and where in the log a message last became one.

A few dozen at most. A page of several kinds is merged from the beginnings of their index ranges, so that it costs the
same however rare they are, and however many other messages lie between.
"""

MODEL = ReadModel("oscp_messages", 2, (MESSAGES, KINDS))

_SELECT = f"SELECT {', '.join(MESSAGES.columns)} FROM oscp_messages"
_PENDING = "pending"


class Message(msgspec.Struct):
    """A ledger entry. `position` is where it was recorded in the log, `at` wall time in ms since 1970.

    `outcome` is "pending" until it is final. `validation` is what the simulator thinks of a received message, empty for
    one it sent. `status` is the HTTP status answered, 0 for none. `findings` and `deviations` are counts. `overrides`
    names what was done to it on purpose: without any, whatever became of it happened by itself.
    """

    session_id: str
    position: int
    entry_id: str
    stream: str
    run_id: str
    configuration_id: str
    direction: str
    message_type: str
    request_id: str
    correlation_id: str
    at: int
    outcome: str = _PENDING
    validation: str = ""
    status: int = 0
    rule: str = ""
    findings: int = 0
    deviations: int = 0
    latency_us: int = 0
    error: str = ""
    overrides: tuple[str, ...] = ()

    @property
    def deliberate(self) -> bool:
        return bool(self.overrides)

    @property
    def kind(self) -> tuple[object, ...]:
        """The key of its row in `KINDS`."""
        said = (self.direction, self.message_type, self.outcome, self.validation)
        return (self.session_id, *said, int(self.deliberate))

    def row(self) -> tuple[object, ...]:
        *values, overrides = msgspec.structs.astuple(self)
        return (*values, " ".join(overrides), int(self.deliberate))


class Wanted(msgspec.Struct, frozen=True):
    """Which messages of a session: those that are all of what is not None."""

    direction: str | None = None
    message_type: str | None = None
    outcome: str | None = None
    validation: str | None = None
    deliberate: bool | None = None
    correlation_id: str | None = None
    request_id: str | None = None

    def kind(self) -> dict[str, object]:
        """By column, what is asked of the kind."""
        asked = {name: getattr(self, name) for name in _KIND}
        return {
            name: int(value) if name == "deliberate" else value for name, value in asked.items() if value is not None
        }

    def ids(self) -> dict[str, object]:
        asked = {"correlation_id": self.correlation_id, "request_id": self.request_id}
        return {name: shortened(value) for name, value in asked.items() if value is not None}


ANY = Wanted()


class MessagePage(msgspec.Struct):
    """`next` asks for the following page, as `before`, or as `after` when the oldest come first; None at the end."""

    messages: list[Message]
    next: int | None


class _Window(msgspec.Struct, frozen=True):
    """Positions strictly between, in an order, so many at most."""

    after: int
    before: int
    oldest_first: bool
    most: int

    CONDITION = "position > ? AND position < ?"

    @property
    def order(self) -> str:
        return f"ORDER BY position {'ASC' if self.oldest_first else 'DESC'} LIMIT ?"

    @property
    def parameters(self) -> tuple[object, ...]:
        return self.after, self.before, self.most


def shortened(id: str) -> str:
    """An id as it is kept."""
    return id[:LONGEST_ID].replace("\0", "\N{REPLACEMENT CHARACTER}")


def get_message(database: Database, entry_id: str) -> Message | None:
    rows = database.query(f"{_SELECT} WHERE entry_id = ?", (entry_id,))
    return _message(rows[0]) if rows else None


def list_messages(
    database: Database,
    session_id: str,
    wanted: Wanted = ANY,
    *,
    after: int = 0,
    before: int = NEWEST,
    oldest_first: bool = False,
    limit: int = 100,
) -> MessagePage:
    """The newest first, those recorded between two positions. Raises QueryRefused for a bad limit."""
    check_limit(limit)
    window = _Window(after, before, oldest_first, limit + 1)
    found = [_message(row) for row in _rows(database, session_id, wanted, window)]
    page = found[:limit]
    return MessagePage(page, page[-1].position if len(found) > limit else None)


def _rows(database: Database, session_id: str, wanted: Wanted, window: _Window) -> list[tuple[Any, ...]]:
    if wanted.ids():
        return _by_ids(database, session_id, wanted, window)
    if wanted.kind():
        return _by_kinds(database, session_id, wanted, window)
    sql = f"{_SELECT} WHERE session_id = ? AND {window.CONDITION} {window.order}"
    return database.query(sql, (session_id, *window.parameters))


def _by_ids(database: Database, session_id: str, wanted: Wanted, window: _Window) -> list[tuple[Any, ...]]:
    """Few messages share an id; all else is looked at row by row, as expressions, so that no other index is taken."""
    ids, rest = wanted.ids(), {"session_id": session_id, **wanted.kind()}
    conditions = [f"{name} = ?" for name in ids]
    conditions += [f"{name} + 0 = ?" if name == "deliberate" else f"{name} || '' = ?" for name in rest]
    sql = f"{_SELECT} WHERE {' AND '.join(conditions)} AND {window.CONDITION} {window.order}"
    return database.query(sql, (*ids.values(), *rest.values(), *window.parameters))


def _by_kinds(database: Database, session_id: str, wanted: Wanted, window: _Window) -> list[tuple[Any, ...]]:
    kinds = list(_kinds(database, session_id, wanted, window.after))
    if not kinds:
        return []
    same_kind = " AND ".join(f"{name} = ?" for name in _KIND)
    one = (
        f"SELECT position FROM oscp_messages WHERE session_id = ? AND {same_kind} AND {window.CONDITION} {window.order}"
    )
    positions = " UNION ALL ".join([f"SELECT position FROM ({one}) AS of_kind"] * len(kinds))
    sql = f"{_SELECT} WHERE session_id = ? AND position IN ({positions}) {window.order}"
    parameters = [value for kind in kinds for value in (session_id, *kind, *window.parameters)]
    return database.query(sql, (session_id, *parameters, window.most))


def _kinds(database: Database, session_id: str, wanted: Wanted, after: int) -> Iterator[tuple[Any, ...]]:
    """Those that match. A kind that no message became after a position has none recorded after it."""
    asked = wanted.kind()
    conditions = "".join(f" AND {name} = ?" for name in asked)
    sql = f"SELECT {', '.join(_KIND)} FROM oscp_message_kinds WHERE session_id = ? AND position > ?{conditions}"
    yield from database.query(sql, (session_id, after, *asked.values()))


def _message(row: tuple[Any, ...]) -> Message:
    *columns, _ = row
    message = Message(*columns)
    message.overrides = tuple(row[-2].split())
    return message
