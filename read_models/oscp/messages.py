"""Read model `oscp_messages`: the message ledger, one row per entry; headers and bodies stay in the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from depot_sim.read_models.database import Database
from depot_sim.read_models.paging import NEWEST, check_limit
from depot_sim.read_models.schema import ReadModel, Table, Type

LONGEST_ID = 200
"""Characters of an id that somebody else made up: longer ones are kept and looked for by their beginning."""

_STRETCH = 1 << 16  # positions
MESSAGES = Table(
    "oscp_messages",
    {
        "position": Type.INTEGER,
        "stretch": Type.INTEGER,
        "kind": Type.INTEGER,
        "entry_id": Type.TEXT,
        "stream": Type.TEXT,
        "run_id": Type.TEXT,
        "configuration_id": Type.TEXT,
        "request_id": Type.TEXT,
        "correlation_id": Type.TEXT,
        "at": Type.INTEGER,
        "status": Type.INTEGER,
        "rule": Type.TEXT,
        "findings": Type.INTEGER,
        "deviations": Type.INTEGER,
        "latency_us": Type.INTEGER,
        "error": Type.TEXT,
        "overrides": Type.TEXT,
        "matched": Type.TEXT,
    },
    key=("position",),
    indices=(("kind", "position"), ("stretch", "entry_id"), ("correlation_id", "position"), ("request_id", "position")),
)
"""`stretch` numbers stretches of the log. Ids of entries are random: in one index of them all every new entry would
change a page of its own, so that a large ledger costs many times as much to write as a small one. An entry is looked
for in one stretch after the other, which are few, the newest first.
"""

KINDS = Table(
    "oscp_message_kinds",
    {
        "kind": Type.INTEGER,
        "session_id": Type.TEXT,
        "direction": Type.TEXT,
        "message_type": Type.TEXT,
        "outcome": Type.TEXT,
        "validation": Type.TEXT,
        "deliberate": Type.INTEGER,
        "newest": Type.INTEGER,
    },
    key=("kind",),
    indices=(("session_id",),),
)
"""Which kinds of messages a session has had: where in the log a message first became one, and where one last did.

A few dozen at most. A page is merged from the beginnings of its kinds' index ranges, so that it costs the same however
rare they are, and however many other messages lie between. The first place is the kind's name in `MESSAGES`: a number
in place of six columns, in its rows and in its largest index.
"""

MODEL = ReadModel("oscp_messages", 5, (MESSAGES, KINDS))

_SELECT = f"SELECT {', '.join(MESSAGES.columns)} FROM oscp_messages"
_FIND_ENTRY = f"""
    WITH RECURSIVE stretches (stretch) AS (
        SELECT max(position) / {_STRETCH} FROM oscp_messages
        UNION ALL SELECT stretch - 1 FROM stretches WHERE stretch > 0
    )
    SELECT position FROM (
        SELECT (
            SELECT position FROM oscp_messages WHERE oscp_messages.stretch = stretches.stretch AND entry_id = ?
        ) AS position FROM stretches
    ) AS found WHERE position IS NOT NULL LIMIT 1
"""
_PENDING = "pending"


class Kind(NamedTuple):
    """What messages of a session may have in common."""

    session_id: str
    direction: str
    message_type: str
    outcome: str
    validation: str
    deliberate: int


class Message(msgspec.Struct):
    """A ledger entry. `position` is where it was recorded in the log, `at` wall time in ms since 1970.

    `outcome` is "pending" until it is final. `validation` is what the simulator thinks of a received message, empty for
    one it sent. `status` is the HTTP status answered, 0 for none. `findings` and `deviations` are counts. `overrides`
    are the ids of the interventions that changed it: without any, whatever became of it happened by itself. `matched`
    are those that only matched it.
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
    matched: tuple[str, ...] = ()

    @property
    def deliberate(self) -> bool:
        return bool(self.overrides)

    @property
    def kind(self) -> Kind:
        return Kind(
            self.session_id, self.direction, self.message_type, self.outcome, self.validation, int(bool(self.overrides))
        )

    def row(self, kind: int) -> tuple[object, ...]:
        """Of a kind that has this number."""
        return (
            self.position,
            self.position // _STRETCH,
            kind,
            self.entry_id,
            self.stream,
            self.run_id,
            self.configuration_id,
            self.request_id,
            self.correlation_id,
            self.at,
            self.status,
            self.rule,
            self.findings,
            self.deviations,
            self.latency_us,
            self.error,
            " ".join(self.overrides),
            " ".join(self.matched),
        )


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
        asked = {name: getattr(self, name) for name in Kind._fields[1:]}
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
    # Of one kind, but said as a range and an order that no index but that of the kinds has: PostgreSQL would rather
    # follow the positions and look for the kind at each.
    CONDITION_OF_KIND = "(kind, position) > (?, ?) AND (kind, position) < (?, ?)"

    @property
    def order(self) -> str:
        return f"ORDER BY position {self._direction} LIMIT ?"

    @property
    def order_of_kind(self) -> str:
        return f"ORDER BY kind {self._direction}, position {self._direction} LIMIT ?"

    @property
    def parameters(self) -> tuple[object, ...]:
        return self.after, self.before, self.most

    def parameters_of_kind(self, kind: int) -> tuple[object, ...]:
        return kind, self.after, kind, self.before, self.most

    @property
    def _direction(self) -> str:
        return "ASC" if self.oldest_first else "DESC"


def shortened(id: str) -> str:
    """An id as it is kept."""
    return id[:LONGEST_ID].replace("\0", "\N{REPLACEMENT CHARACTER}")


def get_message(database: Database, entry_id: str) -> Message | None:
    found = database.query(_FIND_ENTRY, (entry_id,))
    if not found:
        return None
    (row,) = database.query(f"{_SELECT} WHERE position = ?", found[0])
    kind = dict(zip(MESSAGES.columns, row, strict=True))["kind"]
    return _message(row, _kinds(database, "kind = ?", (kind,)))


def kinds_of(database: Database, session_id: str) -> dict[Kind, int]:
    """Those that its messages have been of, with their numbers."""
    return {kind: number for number, kind in _kinds(database, "session_id = ?", (session_id,)).items()}


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
    found = _found(database, session_id, wanted, window)
    page = found[:limit]
    return MessagePage(page, page[-1].position if len(found) > limit else None)


def _found(database: Database, session_id: str, wanted: Wanted, window: _Window) -> list[Message]:
    kinds = _kinds_wanted(database, session_id, wanted, window.after)
    if not kinds:
        return []
    look = _by_ids if wanted.ids() else _by_kinds
    return [_message(row, kinds) for row in look(database, list(kinds), wanted, window)]


def _by_ids(database: Database, kinds: list[int], wanted: Wanted, window: _Window) -> list[tuple[Any, ...]]:
    """Few messages share an id; the kind is looked at row by row, as an expression, so that its index is not taken."""
    ids = wanted.ids()
    conditions = " AND ".join(f"{name} = ?" for name in ids)
    of_kinds = f"kind + 0 IN ({', '.join('?' * len(kinds))})"
    sql = f"{_SELECT} WHERE {conditions} AND {of_kinds} AND {window.CONDITION} {window.order}"
    return database.query(sql, (*ids.values(), *kinds, *window.parameters))


def _by_kinds(database: Database, kinds: list[int], _: Wanted, window: _Window) -> list[tuple[Any, ...]]:
    """First the places, then the rows: of both at once a planner knows too little to choose well."""
    of_kind = f"SELECT position FROM oscp_messages WHERE {window.CONDITION_OF_KIND} {window.order_of_kind}"
    one = f"SELECT position FROM ({of_kind}) AS of_kind"
    parameters = [value for kind in kinds for value in window.parameters_of_kind(kind)]
    merged = f"{' UNION ALL '.join([one] * len(kinds))} {window.order}"
    positions = [position for (position,) in database.query(merged, (*parameters, window.most))]
    sql = f"{_SELECT} WHERE position IN ({', '.join('?' * len(positions))}) {window.order}"
    return database.query(sql, (*positions, window.most)) if positions else []


def _kinds_wanted(database: Database, session_id: str, wanted: Wanted, after: int) -> dict[int, Kind]:
    """Those that match. A kind that no message became after a position has none recorded after it."""
    asked = {"session_id": session_id, **wanted.kind()}
    conditions = " AND ".join(f"{name} = ?" for name in asked)
    return _kinds(database, f"{conditions} AND newest > ?", (*asked.values(), after))


def _kinds(database: Database, condition: str, parameters: Sequence[object]) -> dict[int, Kind]:
    """By number."""
    sql = f"SELECT kind, {', '.join(Kind._fields)} FROM oscp_message_kinds WHERE {condition}"
    return {number: Kind(*said) for number, *said in database.query(sql, parameters)}


def _message(row: Sequence[Any], kinds: Mapping[int, Kind]) -> Message:
    columns = dict(zip(MESSAGES.columns, row, strict=True))
    said = kinds[columns.pop("kind")]._asdict()
    del said["deliberate"], columns["stretch"]
    overrides, matched = (tuple(columns.pop(name).split()) for name in ("overrides", "matched"))
    return Message(**said, **columns, overrides=overrides, matched=matched)
