"""`depot-sim packets feeds`, `devices`, `open` and `close`: the feeds of a run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec

from depot_sim.adapters.cli.arguments import Subcommands
from depot_sim.adapters.cli.exit_codes import ExitCode
from depot_sim.adapters.cli.failures import UsageError
from depot_sim.adapters.cli.packets.arguments import add_feed, add_run, finish
from depot_sim.adapters.cli.packets.profiles import PacketProfiles
from depot_sim.adapters.cli.packets.source import DeviceLine, FeedLine, PacketSource
from depot_sim.adapters.cli.source import server
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.adapters.cli.toolbox import Toolbox

_USUAL_NAME = "packets"


def add_to(actions: Subcommands, profiles: PacketProfiles) -> None:
    action = actions.add_parser("feeds", help="list a run's feeds", description=feeds.__doc__)
    add_run(action)
    finish(action, feeds)
    action = actions.add_parser("devices", help="list a feed's devices", description=devices.__doc__)
    add_feed(action)
    finish(action, devices)
    action = actions.add_parser("open", help="let a run send packets", description=open_.__doc__)
    add_run(action)
    action.add_argument("--binding", metavar="ID", help="of the configuration, or a new one (default: the only one)")
    action.add_argument("--endpoint", metavar="URL", help="where packets are posted (default: the binding's)")
    action.add_argument("--profile", metavar="NAME|FOLDER", help="default: the binding's, else default/1")
    action.add_argument(
        "--binding-file", type=Path, metavar="FILE", help="the platform's device and sensor-action configuration"
    )
    action.add_argument("--scope", metavar="ID", help="the managed scope (default: the binding's)")
    action.set_defaults(profiles=profiles)
    finish(action, open_)
    action = actions.add_parser("close", help="end a feed", description=close.__doc__)
    add_feed(action)
    finish(action, close)


def feeds(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """Every feed the run has or had: how it is, where it sends to, how much of it arrived."""
    with server(arguments) as client:
        found = PacketSource(client, arguments.run).feeds()
    if arguments.json:
        terminal.json(found)
    elif found:
        rows = [_feed(msgspec.json.decode(line, type=FeedLine)) for line in found]
        counts = ("devices", "published", "delivered", "waiting")
        columns = ("feed", "state", "health", "scope", "profile", *counts, "endpoint", "last error")
        terminal.table(columns, rows, right=counts)
    else:
        terminal.say("no packet feeds yet")
    return ExitCode.OK


def devices(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """What each device of a feed sends, and what of it still waits."""
    with server(arguments) as client:
        found = PacketSource(client, arguments.run).feed(arguments.feed).devices()
    if arguments.json:
        terminal.json(found)
    else:
        rows = [_device(msgspec.json.decode(line, type=DeviceLine)) for line in found]
        columns = ("device", "type", "scope", "packets", "waiting", "state", "keys")
        terminal.table(columns, rows, right=("packets", "waiting"))
    return ExitCode.OK


def open_(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> ExitCode:
    """Let a run's devices send packets from now on. Rows of a binding file that cannot be mapped are told."""
    request = _request(arguments, toolbox)
    with server(arguments) as client:
        source = PacketSource(client, arguments.run)
        request["binding_id"] = arguments.binding or _binding(source)
        opened = source.open(request)
    if arguments.json:
        terminal.json(opened)
        return ExitCode.OK
    feed = msgspec.json.decode(opened, type=FeedLine)
    terminal.text(f"{feed.binding_id} open: to {feed.endpoint} by {feed.profile}, devices: {feed.devices}\n")
    for fault in feed.unmapped:
        terminal.say(f"not mapped: {fault.pointer}: found {fault.found}; expected {fault.expected}")
    return ExitCode.OK


def close(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """Let every device say its last. What is undelivered still is delivered, and the history stays."""
    with server(arguments) as client:
        closed = PacketSource(client, arguments.run).feed(arguments.feed).close()
    if arguments.json:
        terminal.json(closed)
    else:
        feed = msgspec.json.decode(closed, type=FeedLine)
        terminal.text(f"{feed.binding_id} {feed.status}, packets that still wait: {feed.undelivered:,}\n")
    return ExitCode.OK


def _request(arguments: argparse.Namespace, toolbox: Toolbox) -> dict[str, Any]:
    """As the server takes it. Folders and files are read here, so that their faults tell file and line."""
    asked = {"endpoint": arguments.endpoint, "managed_scope_id": arguments.scope}
    request = {name: value for name, value in asked.items() if value is not None}
    if arguments.profile is not None:
        profiles: PacketProfiles = arguments.profiles
        profile = profiles.load(arguments.profile)
        if arguments.profile in profiles.names:
            request["profile"] = profile.name
        else:
            request["profile_files"] = dict(profile.files)
    if arguments.binding_file is not None:
        request["devices"] = toolbox.read_document(arguments.binding_file).raw
    return request


def _binding(source: PacketSource) -> str:
    """The only one of the run's configuration, or a usual name if there is none."""
    names = source.bindings()
    if len(names) > 1:
        raise UsageError(f"the configuration has {len(names)} packets bindings", f"--binding one of {', '.join(names)}")
    return names[0] if names else _USUAL_NAME


def _feed(line: FeedLine) -> tuple[object, ...]:
    counts = (f"{count:,}" for count in (line.devices, line.published, line.delivered, line.undelivered))
    state = (line.status, line.health, line.managed_scope_id, line.profile)
    return line.binding_id, *state, *counts, line.endpoint, line.reason or line.last_error


def _device(line: DeviceLine) -> tuple[object, ...]:
    state = "troubled" if line.troubled else "alive" if line.born else "silent"
    keys = " ".join(line.keys)
    return line.device_id, line.device_type, line.scope_id, f"{line.next_seq:,}", f"{line.undelivered:,}", state, keys
