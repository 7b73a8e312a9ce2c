"""OSCP sessions and their ledgers as a server tells them."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from depot_sim.adapters.cli.client import Client
from depot_sim.adapters.cli.interventions import NamedIntervention

_LARGEST_PAGE = 100


class LastError(msgspec.Struct):
    """What went wrong last."""

    error: str
    deliberate: bool


class SessionLine(msgspec.Struct):
    """What people see of a session."""

    session_id: str
    run_id: str
    managed_scope_id: str
    active: bool
    state: str
    health: str
    messages: int
    last_error: LastError | None


class MessageLine(msgspec.Struct):
    """What people see of a message. `deliberate`: an intervention changed it."""

    ledger_entry_id: str
    at: str
    direction: str
    message_type: str
    outcome: str
    deliberate: bool
    status: int | None
    rule: str
    error: str


class Header(msgspec.Struct):
    name: str
    value: str


class Answer(msgspec.Struct):
    status: int
    headers: list[Header]
    body: str


class Finding(msgspec.Struct):
    """A rule that failed, and at which place of the body."""

    rule: str
    found: str
    expected: str
    pointer: str = ""


class Deviation(msgspec.Struct):
    """What was tolerated, and at which place of the body."""

    name: str
    found: str
    pointer: str = ""


class WholeMessage(MessageLine):
    method: str
    url: str
    headers: list[Header]
    body: str
    true_body: str | None
    answer: Answer | None
    findings: list[Finding]
    deviations: list[Deviation]
    changed_by: list[NamedIntervention]
    matched_by: list[NamedIntervention]


class _SessionPage(msgspec.Struct):
    sessions: list[msgspec.Raw]
    next_before: int | None


class _MessagePage(msgspec.Struct):
    messages: list[msgspec.Raw]
    next: int | None


class OscpSource:
    """Answers are handed on as the server's JSON, for programs, and are read as the lines above, for people."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def sessions(self, run_id: str | None, limit: int) -> list[msgspec.Raw]:
        """The newest first."""
        found: list[msgspec.Raw] = []
        query: dict[str, str | int] = {} if run_id is None else {"run": run_id}
        while len(found) < limit:
            asked = query | {"limit": min(_LARGEST_PAGE, limit - len(found))}
            page = msgspec.json.decode(self._client.get("/oscp-sessions", asked), type=_SessionPage)
            found += page.sessions
            if page.next_before is None:
                break
            query["before"] = page.next_before
        return found

    def messages(self, ledger: str, filters: Mapping[str, str], limit: int) -> list[msgspec.Raw]:
        """Of one ledger, the newest first."""
        found: list[msgspec.Raw] = []
        query: dict[str, str | int] = dict(filters)
        while len(found) < limit:
            asked = query | {"limit": min(_LARGEST_PAGE, limit - len(found))}
            page = msgspec.json.decode(self._client.get(ledger, asked), type=_MessagePage)
            found += page.messages
            if page.next is None:
                break
            query["before"] = page.next
        return found

    def message(self, ledger: str, entry_id: str) -> msgspec.Raw:
        return msgspec.Raw(self._client.get(f"{ledger}/{quote(entry_id, safe='')}"))


def ledger_of(run_id: str, session_id: str) -> str:
    """Where a session's messages are."""
    return f"/simulation-runs/{quote(run_id, safe='')}/oscp-sessions/{quote(session_id, safe='')}/messages"


UNRESOLVED = "/oscp-messages/unresolved"
"""Where the messages are that belong to no session."""
