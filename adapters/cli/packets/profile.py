"""`depot-sim packets profile`: the contracts that packets are written by."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import msgspec

from depot_sim.adapters.cli.arguments import Subcommands, add_json
from depot_sim.adapters.cli.exit_codes import ExitCode
from depot_sim.adapters.cli.packets.profiles import PacketProfiles
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.adapters.cli.toolbox import Toolbox
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.packets.contract.profile import Measurand, PacketProfile, WorldValue
from depot_sim.domain.packets.packet import Packet
from depot_sim.domain.packets.vocabulary import DeviceType, PacketType

_EXPLAINED = "a folder, or the name of one that comes along"
_SAMPLED = 3


def add_to(actions: Subcommands, profiles: PacketProfiles) -> None:
    command = actions.add_parser("profile", help="check, show and copy packet profiles", description=__doc__)
    command.set_defaults(profiles=profiles)
    inner = command.add_subparsers(title="actions", metavar="ACTION", required=True)
    action = inner.add_parser("list", help="the profiles that come along", description=list_.__doc__)
    _finish(action, list_)
    action = inner.add_parser("show", help="what a profile says", description=show.__doc__)
    action.add_argument("profile", metavar="PROFILE", help=_EXPLAINED)
    _finish(action, show)
    action = inner.add_parser("check", help="report every fault of a profile", description=check.__doc__)
    action.add_argument("profile", metavar="PATH", help=_EXPLAINED)
    _finish(action, check)
    action = inner.add_parser("export", help="copy a profile's files", description=export.__doc__)
    action.add_argument("profile", metavar="NAME", help="of a profile that comes along")
    action.add_argument("folder", metavar="FOLDER", type=Path, help="a new or an empty one")
    _finish(action, export)


def list_(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """Every profile that comes along."""
    profiles: PacketProfiles = arguments.profiles
    found = [profiles.load(name) for name in profiles.names]
    if arguments.json:
        terminal.json([_outline(profile) for profile in found])
    else:
        rows = [(one.name, one.encoder, len(one.measurands), one.description) for one in found]
        terminal.table(("profile", "encoder", "keys", "what it is"), rows, right=("keys",))
    return ExitCode.OK


def show(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """Keys with units, ranges and cadences, and a packet as it would be sent."""
    profile = arguments.profiles.load(arguments.profile)
    keys = [_key(measurand) for measurand in profile.measurands.values()]
    if arguments.json:
        terminal.json(_outline(profile) | {"measurands": keys, "modes": profile.modes.modes})
        return ExitCode.OK
    terminal.text(f"{profile.name}: {profile.description}\n")
    terminal.text(f"{profile.encoder}, {profile.content_type}, sha256 {profile.sha256}\n\n")
    columns = tuple(keys[0])
    rows = [tuple(key.values()) for key in keys]
    terminal.table(columns, rows, right=("min", "max", "resolution", "cadence_s"), whole=("unit",))
    terminal.text(f"\nan example of {profile.content_type}:\n{_example(profile)}\n")
    return ExitCode.OK


def check(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """Report every fault at once: file, line, column, what was found, what would do. Exit code 1 if there are any."""
    try:
        profile = arguments.profiles.load(arguments.profile)
    except InvalidInput as error:
        _show_faults(terminal, arguments, error)
        return ExitCode.VERDICT_FAILED
    if arguments.json:
        terminal.json({"profile": arguments.profile, "valid": True, "faults": []})
    else:
        counted = f"{len(profile.measurands)} keys, {len(profile.modes.modes)} modes, encoder {profile.encoder}"
        terminal.text(f"{arguments.profile}: sound. {profile.name}: {counted}\n")
    return ExitCode.OK


def export(arguments: argparse.Namespace, _: Toolbox, terminal: Terminal) -> ExitCode:
    """Copy a profile's files into a folder, to be changed there."""
    written = [str(path) for path in arguments.profiles.export(arguments.profile, arguments.folder)]
    if arguments.json:
        terminal.json({"profile": arguments.profile, "files": written})
    else:
        terminal.text("".join(f"{path}\n" for path in written))
    return ExitCode.OK


def _finish(action: argparse.ArgumentParser, execute: object) -> None:
    add_json(action)
    action.set_defaults(execute=execute)


def _outline(profile: PacketProfile) -> dict[str, object]:
    return {
        "name": profile.name,
        "description": profile.description,
        "encoder": profile.encoder,
        "content_type": profile.content_type,
        "keys": len(profile.measurands),
        "sha256": profile.sha256,
    }


def _key(measurand: Measurand) -> dict[str, object]:
    return {
        "key": measurand.key,
        "source": measurand.source,
        "unit": measurand.unit,
        "min": measurand.min,
        "max": measurand.max,
        "resolution": measurand.resolution,
        "cadence_s": "" if measurand.cadence_ms is None else f"{measurand.cadence_ms / 1_000:g}",
        "on_change": "yes" if measurand.on_change else "",
        "devices": " ".join(sorted(measurand.device_types)),
    }


def _example(profile: PacketProfile) -> str:
    kinds = {measurand.dimension: measurand for measurand in profile.measurands.values()}
    told = tuple(one.measurement(one.key, _sample(one)) for one in list(kinds.values())[:_SAMPLED])
    packet = Packet(
        type=PacketType.TELEMETRY,
        device_id="device",
        device_type=DeviceType.MICROGRID_CONTROLLER,
        seq=0,
        packet_id="id",
        site_id="site",
        scope_id="node",
        sent_at=0,
        measurements=told,
    )
    return profile.encode(packet).decode()


def _sample(measurand: Measurand) -> WorldValue:
    return 1_234_567 if measurand.scale is not None else next(iter(measurand.words), None)


def _show_faults(terminal: Terminal, arguments: argparse.Namespace, error: InvalidInput) -> None:
    if arguments.json:
        faults = msgspec.to_builtins(error.faults)
        terminal.json({"profile": arguments.profile, "valid": False, "faults": faults})
        return
    terminal.text(f"{error.detail}\n")
    columns = ("line", "col", "where", "found", "expected")
    terminal.table(columns, _rows(error.faults), right=columns[:2], whole=columns[:3])


def _rows(faults: tuple[Fault, ...]) -> Iterator[tuple[object, ...]]:
    for fault in faults:
        yield fault.line or "", fault.column or "", fault.pointer, fault.found, fault.expected
