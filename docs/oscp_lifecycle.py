"""The tables and the diagram of a session's lifecycle in docs/oscp.md, made from `domain/oscp/lifecycle.py`.

`python -m docs.make` writes them into the page, between two marks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from depot_sim.domain.oscp.lifecycle import (
    BY_PROTOCOL,
    EVERY_STATE,
    EXCEPTIONAL,
    FROM_EVERY_STATE,
    PARTNER_MAY_SEND,
    STATES,
    WE_MAY_SEND,
    Permission,
    Transition,
)
from depot_sim.domain.oscp.vocabulary import Lifecycle, MessageType

PAGE = Path(__file__).parent / "oscp.md"
_BEGIN, _END = "<!-- lifecycle -->", "<!-- /lifecycle -->"

_INTRODUCTION = """\
The tables and the diagram are made by `python -m docs.make` from `domain/oscp/lifecycle.py`; do not edit them here.
`health` is what `projection.state-changed.1` reports of a session in this state."""
_DIAGRAM = """\
The diagram shows the changes that follow the protocol. It leaves out {everywhere}, which may happen in any state."""
_TRANSITIONS = """\
**Transitions.** Each is recorded with its cause as `oscp.lifecycle-changed.1`. Where the next state is the present one,
nothing is recorded unless the row says so."""
_EXCEPTIONAL = """\
**Exceptional transitions.** They need an override, a message sent without a check of the state, or a forced state."""
_MESSAGES = """\
**Messages.** In another state, a message of the platform breaks the rule that is named, and a command to send ours is
refused with 409. `send-message` and overrides send any message in any state."""


def section() -> str:
    """All tables and the diagram, without the marks."""
    return "\n\n".join(
        (
            _INTRODUCTION,
            _table(("state", "what it means", "health"), _states()),
            _diagram(),
            _DIAGRAM.format(everywhere=_listed(dict.fromkeys(row.cause.value for row in FROM_EVERY_STATE), "and")),
            _TRANSITIONS,
            _table(("state", "cause", "next state", "why"), _transitions((*BY_PROTOCOL, *FROM_EVERY_STATE))),
            _EXCEPTIONAL,
            _table(("state", "cause", "next state", "why"), _transitions(EXCEPTIONAL)),
            _MESSAGES,
            _table(("message", "the platform may send it", "we may send it", "rule"), _messages()),
        )
    )


def page_with(section: str) -> str:
    """The page as it is, with this section between its marks."""
    page = PAGE.read_text(encoding="utf-8")
    before, begin, rest = page.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} needs the lines {_BEGIN} and {_END}, in this order")
    return f"{before}{_BEGIN}\n{section}\n{_END}{after}"


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" if cells else "|---" * len(head) + "|" for cells in (head, (), *rows))


def _states() -> Iterator[tuple[str, ...]]:
    for lifecycle, state in STATES.items():
        yield f"`{lifecycle.value}`", state.meaning, f"`{state.health.value}`"


def _diagram() -> str:
    """States and causes as Mermaid writes them; one arrow for all causes from one state to another."""
    causes: dict[tuple[Lifecycle, Lifecycle], list[str]] = {}
    for row in BY_PROTOCOL:
        if row.after is not row.before:
            chosen = f" ({row.chosen_by})" if row.chosen_by else ""
            causes.setdefault((row.before, row.after), []).append(f"{row.cause.value}{chosen}")
    arrows = [f"    {before.value} --> {after.value}: {', '.join(by)}" for (before, after), by in causes.items()]
    return "\n".join(("```mermaid", "stateDiagram-v2", f"    [*] --> {Lifecycle.OFFLINE.value}", *arrows, "```"))


def _transitions(rows: Collection[Transition]) -> Iterator[tuple[str, ...]]:
    """One line for all rows that have cause and reason in common."""
    alike: dict[tuple[str, str], list[Transition]] = {}
    for row in rows:
        alike.setdefault((row.cause.value, row.why), []).append(row)
    for (cause, why), group in alike.items():
        chosen = f", as `{group[0].chosen_by}` says" if group[0].chosen_by else ""
        after = _names({row.after for row in group})
        yield _names({row.before for row in group}), f"`{cause}`", f"{after}{chosen}", why


def _messages() -> Iterator[tuple[str, ...]]:
    for type in MessageType:
        rule = PARTNER_MAY_SEND[type].refusal if type in PARTNER_MAY_SEND else ""
        cells = (_permission(PARTNER_MAY_SEND, type), _permission(WE_MAY_SEND, type))
        yield f"`{type.value}`", *cells, f"`{rule}`" if rule else ""


def _permission(permissions: Mapping[MessageType, Permission], type: MessageType) -> str:
    return _names(permissions[type].states) if type in permissions else "never"


def _names(states: Collection[Lifecycle]) -> str:
    if states == EVERY_STATE:
        return "any state"
    return _listed([state.value for state in Lifecycle if state in states], "or")


def _listed(names: Collection[str], conjunction: str) -> str:
    *others, last = (f"`{name}`" for name in names)
    return f"{', '.join(others)} {conjunction} {last}" if others else last
