"""`depot-sim oscp`: the OSCP sessions of a server, and what they exchanged."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import msgspec

from depot_sim.adapters.cli.arguments import Subcommands, add_json, add_server, count
from depot_sim.adapters.cli.exit_codes import ExitCode
from depot_sim.adapters.cli.failures import UsageError
from depot_sim.adapters.cli.interventions import told
from depot_sim.adapters.cli.oscp.source import (
    UNRESOLVED,
    Header,
    MessageLine,
    OscpSource,
    SessionLine,
    WholeMessage,
    ledger_of,
)
from depot_sim.adapters.cli.source import server
from depot_sim.adapters.cli.target_control import Kind, add_target_control
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.adapters.cli.toolbox import Toolbox

_SESSIONS = Kind("oscp-sessions", "SESSION_ID", "/oscp-override-modes")
_FILTERS = ("direction", "message_type", "outcome", "validation", "correlation_id", "request_id", "since", "until")


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser("oscp", help="OSCP sessions and their messages", description=__doc__)
    actions = command.add_subparsers(title="actions", metavar="ACTION", required=True)
    action = actions.add_parser("sessions", help="list sessions", description=sessions.__doc__)
    action.add_argument("--run", metavar="RUN_ID", help="only of this run")
    _add_limit(action)
    _finish(action, sessions)
    action = actions.add_parser("messages", help="list messages", description=messages.__doc__)
    _add_ledger(action)
    for name in _FILTERS:
        action.add_argument(f"--{name.replace('_', '-')}", dest=name, metavar="TEXT", help="only such messages")
    cause = action.add_mutually_exclusive_group()
    cause.add_argument("--deliberate", action="store_true", help="only those that an intervention changed")
    cause.add_argument("--accidental", action="store_true", help="only the others")
    _add_limit(action)
    _finish(action, messages)
    action = actions.add_parser("message", help="one message, whole", description=message.__doc__)
    action.add_argument("entry_id", metavar="ENTRY_ID")
    _add_ledger(action)
    _finish(action, message)
    add_target_control(actions, _SESSIONS)


def sessions(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """Every session with its state and its last error, the newest first."""
    with server(arguments) as client:
        found = OscpSource(client).sessions(arguments.run, arguments.limit)
    if arguments.json:
        terminal.json(found)
    elif found:
        rows = [_session(msgspec.json.decode(line, type=SessionLine)) for line in found]
        columns = ("session", "run", "scope", "state", "health", "messages", "last error")
        terminal.table(columns, rows, right=("messages",))
    else:
        terminal.say("no OSCP sessions yet")
    return ExitCode.OK


def messages(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """What a session received and sent, the newest first, and what became of it."""
    filters = {name: value for name in _FILTERS if (value := getattr(arguments, name)) is not None}
    if arguments.deliberate or arguments.accidental:
        filters["has_override"] = "true" if arguments.deliberate else "false"
    with server(arguments) as client:
        found = OscpSource(client).messages(_ledger(arguments), filters, arguments.limit)
    if arguments.json:
        terminal.json(found)
    elif found:
        rows = [_message(msgspec.json.decode(line, type=MessageLine)) for line in found]
        columns = ("entry", "at", "", "message", "outcome", "status", "why")
        terminal.table(columns, rows, right=("status",), whole=("at", "message"))
    else:
        terminal.say("no such messages")
    return ExitCode.OK


def message(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """Headers, bodies, every rule that failed and every deviation that was tolerated."""
    with server(arguments) as client:
        found = OscpSource(client).message(_ledger(arguments), arguments.entry_id)
    if arguments.json:
        terminal.json(found)
    else:
        terminal.text("".join(f"{line}\n" for line in _whole(msgspec.json.decode(found, type=WholeMessage))))
    return ExitCode.OK


def _add_ledger(action: argparse.ArgumentParser) -> None:
    action.add_argument("--run", metavar="RUN_ID", help="the run of the session")
    action.add_argument("--session", metavar="SESSION_ID", help="whose messages (default: those of no session)")


def _add_limit(action: argparse.ArgumentParser) -> None:
    action.add_argument("--limit", type=count, default=100, metavar="N", help="at most so many (default: 100)")


def _finish(action: argparse.ArgumentParser, execute: object) -> None:
    add_server(action)
    add_json(action)
    action.set_defaults(execute=execute)


def _ledger(arguments: argparse.Namespace) -> str:
    if (arguments.run is None) != (arguments.session is None):
        raise UsageError("--run and --session belong together", "leave both out for messages of no session")
    return UNRESOLVED if arguments.run is None else ledger_of(arguments.run, arguments.session)


def _session(line: SessionLine) -> tuple[object, ...]:
    state = line.state if line.active else "ended"
    error = "" if line.last_error is None else _on_purpose(line.last_error.error, line.last_error.deliberate)
    return line.session_id, line.run_id, line.managed_scope_id, state, line.health, f"{line.messages:,}", error


def _message(line: MessageLine) -> tuple[object, ...]:
    arrow = "→" if line.direction == "outbound" else "←"
    outcome = _on_purpose(line.outcome, line.deliberate)
    why = line.error or line.rule
    return line.ledger_entry_id, line.at, arrow, line.message_type, outcome, line.status, why


def _on_purpose(text: str, deliberate: bool) -> str:
    return f"{text}, on purpose" if deliberate else text


def _whole(found: WholeMessage) -> Iterator[str]:
    yield f"{found.at} {found.direction} {found.message_type}: {_on_purpose(found.outcome, found.deliberate)}"
    yield from told(found.changed_by, found.matched_by)
    if found.error:
        yield f"error     {found.error}"
    for finding in found.findings:
        at = _placed(finding.rule, finding.pointer)
        yield f"failed    {at}: found {finding.found}; expected {finding.expected}"
    for deviation in found.deviations:
        yield f"tolerated {_placed(deviation.name, deviation.pointer)}: {deviation.found}"
    yield from ("", f"{found.method} {found.url}", *_written(found.headers, found.body))
    if found.true_body is not None:
        yield from ("", "true body", found.true_body)
    if found.answer is not None:
        yield from ("", f"answered {found.answer.status}", *_written(found.answer.headers, found.answer.body))


def _placed(name: str, pointer: str) -> str:
    return f"{name} at {pointer}" if pointer else name


def _written(headers: list[Header], body: str) -> Iterator[str]:
    yield from (f"{header.name}: {header.value}" for header in headers)
    if body:
        yield from ("", body)
