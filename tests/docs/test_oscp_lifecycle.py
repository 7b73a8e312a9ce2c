"""The states, transitions and permissions on the OSCP page are those of the table, and its diagram is too."""

from __future__ import annotations

import re
from itertools import product

from depot_sim.domain.oscp.lifecycle import BY_PROTOCOL, PARTNER_MAY_SEND, STATES, TRANSITIONS, WE_MAY_SEND
from depot_sim.domain.oscp.vocabulary import Lifecycle
from docs.oscp_lifecycle import PAGE, page_with, section

TEXT = PAGE.read_text(encoding="utf-8")


def rows(width: int, heading: str) -> list[list[str]]:
    """The cells of all tables of the page that have this heading."""
    tables = re.findall(rf"^\| {re.escape(heading)} \|.*\n\|[-|]+\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    cells = [line.strip("| ").split(" | ") for table in tables for line in table.splitlines()]
    assert cells
    return [[*row, *[""] * (width - len(row))] for row in cells]


def states(cell: str) -> set[str]:
    text = cell.partition(", as ")[0]
    return {state.value for state in Lifecycle} if text == "any state" else set(re.findall(r"`(\w+)`", text))


def test_the_page_is_current() -> None:
    assert page_with(section()) == TEXT, f"{PAGE.name} is not current: run `python -m docs.make`, then commit the page"


def test_the_page_has_every_state() -> None:
    assert [row[0].strip("`") for row in rows(3, "state | what it means")] == [state.value for state in STATES]


def test_the_tables_of_the_page_are_the_transitions() -> None:
    told = {
        (before, cause.strip("`"), after)
        for starts, cause, ends, _ in rows(4, "state | cause")
        for before, after in product(states(starts), states(ends))
    }
    assert told == {(row.before.value, row.cause.value, row.after.value) for row in TRANSITIONS}


def test_the_diagram_shows_every_change_that_follows_the_protocol() -> None:
    arrows = re.findall(r"^    (\w+) --> (\w+): (.*)$", TEXT, re.MULTILINE)
    drawn = {(before, cause, after) for before, after, by in arrows for cause in re.findall(r"(?:^|, )(\w+)", by)}
    changes = [row for row in BY_PROTOCOL if row.after is not row.before]
    assert drawn == {(row.before.value, row.cause.value, row.after.value) for row in changes}


def test_the_page_says_who_may_send_what_when() -> None:
    for type, partner, ours, rule in rows(4, "message | the platform may send it"):
        for cell, permissions in ((partner, PARTNER_MAY_SEND), (ours, WE_MAY_SEND)):
            allowed = {permission.states for known, permission in permissions.items() if known.value == type.strip("`")}
            assert ([states(cell)] if cell != "never" else []) == [set(known) for known in allowed]
        assert rule.strip("`") == next(
            (permission.refusal for known, permission in PARTNER_MAY_SEND.items() if known.value == type.strip("`")), ""
        )
