"""Overrides and expectations from the command line, the same for every kind of target that a run has."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil
from time import monotonic
from typing import Any
from urllib.parse import quote

import msgspec

from depot_sim.adapters.cli.arguments import Subcommands, add_json, add_server, count
from depot_sim.adapters.cli.client import Client
from depot_sim.adapters.cli.exit_codes import ExitCode
from depot_sim.adapters.cli.failures import UsageError
from depot_sim.adapters.cli.source import server
from depot_sim.adapters.cli.target_lines import (
    Changed,
    ExpectationLine,
    Expectations,
    ModeLine,
    Modes,
    Nearest,
    OverrideLine,
    Overrides,
    near_lines,
)
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.adapters.cli.toolbox import Toolbox

_LONGEST_LOOK_SECONDS = 25
"""How long the server is asked to wait at once; a client gives up after 30."""

_WAITING, _MISSED, _RETIRED = "waiting", "missed", "retired"


@dataclass(frozen=True, slots=True)
class Kind:
    """`folder` is where a run has such targets, `name` what the command line calls one, `modes` lists named modes."""

    folder: str
    name: str
    modes: str

    def path(self, arguments: argparse.Namespace) -> str:
        run, target = quote(arguments.run, safe=""), quote(arguments.target, safe="")
        return f"/simulation-runs/{run}/{self.folder}/{target}"


def add_target_control(actions: Subcommands, kind: Kind) -> None:
    """The actions `modes`, `override` and `expect`."""
    action = actions.add_parser("modes", help="list named override modes", description=_modes.__doc__)
    _finish(action, kind, _modes)
    action = actions.add_parser("override", help="list, apply or clear overrides", description=_override.__doc__)
    _add_target(action, kind)
    asked = action.add_mutually_exclusive_group()
    asked.add_argument("mode", nargs="?", metavar="MODE", help="the named mode to apply")
    asked.add_argument("--effect", metavar="JSON", help='such as \'{"type": "delay", "fixed_ms": 2000}\'')
    asked.add_argument("--clear", metavar="ID", help='the override to clear, or "all"')
    action.add_argument("--match", metavar="JSON", help="which messages the effect is for (default: all)")
    action.add_argument("--until", metavar="TIME", help="when it ends (default: when the mode does, or a day from now)")
    action.add_argument("--times", type=count, metavar="N", help="after how many messages it ends")
    action.add_argument("--reason", metavar="TEXT", help="why it is wanted; kept with it")
    _finish(action, kind, _override)
    action = actions.add_parser("expect", help="list, raise or await expectations", description=_expect.__doc__)
    _add_target(action, kind)
    asked = action.add_mutually_exclusive_group()
    asked.add_argument("request", nargs="?", metavar="JSON", help="what to expect from now on")
    asked.add_argument("--id", metavar="ID", help="the expectation to read")
    asked.add_argument("--nearest", metavar="JSON", help="a message: show which came nearest to it, field by field")
    asked.add_argument("--retire", metavar="ID", help="the expectation to call off")
    action.add_argument("--wait", type=count, default=0, metavar="SECONDS", help="for the verdict")
    _finish(action, kind, _expect)


def _modes(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """Every failure that can be had by its name, with a sentence."""
    with server(arguments) as client:
        found = msgspec.json.decode(client.get(arguments.kind.modes), type=Modes).override_modes
    if arguments.json:
        terminal.json(found)
    else:
        modes = (msgspec.json.decode(line, type=ModeLine) for line in found)
        terminal.table(("mode", "what it does"), [(mode.name, mode.sentence) for mode in modes])
    return ExitCode.OK


def _override(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """Apply an override, by its mode or made to measure, or clear some; without either, list the active ones."""
    request = _override_request(arguments)
    path = f"{arguments.kind.path(arguments)}/overrides"
    with server(arguments) as client:
        if request:
            _show_change(client.patch(path, msgspec.json.encode(request)), arguments, terminal)
        else:
            _show_overrides(client.get(path), arguments, terminal)
    return ExitCode.OK


def _override_request(arguments: argparse.Namespace) -> dict[str, Any]:
    """As the server takes it; empty to list."""
    asked = {
        name: value for name in ("mode", "clear", "until", "times", "reason") if (value := getattr(arguments, name))
    }
    for name in ("effect", "match"):
        if (text := getattr(arguments, name)) is not None:
            asked[name] = _json(text, f"--{name}")
    if asked and not asked.keys() & {"mode", "clear", "effect"}:
        raise UsageError(f"--{next(iter(asked))} says nothing by itself", "name a mode, or give --effect")
    return asked


def _show_change(answer: bytes, arguments: argparse.Namespace, terminal: Terminal) -> None:
    if arguments.json:
        terminal.json(msgspec.Raw(answer))
        return
    changed = msgspec.json.decode(answer, type=Changed)
    for override_id in changed.override_ids:
        terminal.text(f"{override_id} {changed.override_state}\n")
    for warning in changed.warnings:
        terminal.say(f"warning: {warning}")
    if not changed.override_ids:
        terminal.say("no overrides to clear")


def _show_overrides(answer: bytes, arguments: argparse.Namespace, terminal: Terminal) -> None:
    found = msgspec.json.decode(answer, type=Overrides).overrides
    if arguments.json:
        terminal.json(found)
    elif found:
        lines = (msgspec.json.decode(line, type=OverrideLine) for line in found)
        rows = [
            (line.override_id, line.mode or bytes(line.effect).decode(), line.until, f"{line.seen:,}", f"{line.hits:,}")
            for line in lines
        ]
        terminal.table(("override", "mode", "until", "seen", "treated"), rows, right=("seen", "treated"))
    else:
        terminal.say("no overrides are active")


def _expect(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """Expect messages from now on, or read one expectation, and wait for its verdict; without either, list all.

    The exit code is 1 when the expectation is missed, and 5 when it is closed without a verdict, or waited for in vain.
    """
    path = f"{arguments.kind.path(arguments)}/expectations"
    with server(arguments) as client:
        if arguments.nearest is not None:
            message = msgspec.json.encode(_json(arguments.nearest, "--nearest"))
            _show_nearest(client.post(f"{path}/nearest", message), arguments, terminal)
            return ExitCode.OK
        if arguments.request is None and arguments.id is None and arguments.retire is None:
            _show_expectations(client.get(path), arguments, terminal)
            return ExitCode.OK
        answer = _expectation(client, path, arguments)
    line = msgspec.json.decode(answer, type=ExpectationLine)
    if arguments.json:
        terminal.json(msgspec.Raw(answer))
    else:
        terminal.text("".join(f"{text}\n" for text in _told(line)))
    return _exit_code(line.verdict, arguments)


def _show_nearest(answer: bytes, arguments: argparse.Namespace, terminal: Terminal) -> None:
    found = msgspec.json.decode(answer, type=Nearest).nearest
    if arguments.json:
        terminal.json(msgspec.Raw(answer))
    elif found:
        terminal.text("".join(f"{text}\n" for text in near_lines(found)))
    else:
        terminal.say("no messages yet")


def _exit_code(verdict: str, arguments: argparse.Namespace) -> ExitCode:
    if verdict == _MISSED:
        return ExitCode.VERDICT_FAILED
    is_in_vain = verdict == _WAITING and arguments.wait
    is_closed = verdict == _RETIRED and arguments.retire is None
    return ExitCode.UNVERIFIED if is_in_vain or is_closed else ExitCode.OK


def _expectation(client: Client, path: str, arguments: argparse.Namespace) -> bytes:
    """As it stands once it was raised, read or called off, and waited for."""
    if arguments.retire is not None:
        return client.delete(f"{path}/{quote(arguments.retire, safe='')}")
    expectation_id = arguments.id
    if expectation_id is None:
        raised = client.post(path, msgspec.json.encode(_json(arguments.request, "what to expect")))
        if not arguments.wait:
            return raised
        expectation_id = msgspec.json.decode(raised, type=ExpectationLine).expectation_id
    return awaited(client, f"{path}/{quote(expectation_id, safe='')}", arguments.wait)


def awaited(client: Client, path: str, seconds: int, now: Callable[[], float] = monotonic) -> bytes:
    """The expectation with its verdict, or as it stands after so many seconds."""
    end = now() + seconds
    while True:
        left = max(0, min(_LONGEST_LOOK_SECONDS, ceil(end - now())))
        answer = client.get(path, {"wait": left})
        if left == 0 or msgspec.json.decode(answer, type=ExpectationLine).verdict != _WAITING:
            return answer


def _show_expectations(answer: bytes, arguments: argparse.Namespace, terminal: Terminal) -> None:
    found = msgspec.json.decode(answer, type=Expectations).expectations
    if arguments.json:
        terminal.json(found)
    elif found:
        lines = (msgspec.json.decode(line, type=ExpectationLine) for line in found)
        rows = [(line.expectation_id, line.verdict, line.deadline, line.title, line.reason) for line in lines]
        terminal.table(("expectation", "verdict", "deadline", "title", "why"), rows, whole=("deadline",))
    else:
        terminal.say("nothing is expected")


def _told(line: ExpectationLine) -> Iterator[str]:
    """The verdict, and what came near a missed one."""
    title = f" {line.title}" if line.title else ""
    yield f"{line.expectation_id} {line.verdict}{title}"
    if line.verdict == _WAITING:
        yield f"until     {line.deadline}"
    if line.reason:
        yield f"because   {line.reason}"
    yield from near_lines(line.nearest)


def _json(text: str, what: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise UsageError(f"{what} is no JSON: {error}", "quote it for the shell with single quotes") from None


def _add_target(action: argparse.ArgumentParser, kind: Kind) -> None:
    action.add_argument("run", metavar="RUN_ID")
    action.add_argument("target", metavar=kind.name)


def _finish(action: argparse.ArgumentParser, kind: Kind, execute: object) -> None:
    add_server(action)
    add_json(action)
    action.set_defaults(execute=execute, kind=kind)
