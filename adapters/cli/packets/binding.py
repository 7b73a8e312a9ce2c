"""`depot-sim packets binding check`: what the platform's configuration amounts to on a depot."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from depot_sim.adapters.cli.arguments import Subcommands, add_json
from depot_sim.adapters.cli.depots import EXPLAINED, load_depot
from depot_sim.adapters.cli.exit_codes import ExitCode
from depot_sim.adapters.cli.failures import UsageError
from depot_sim.adapters.cli.packets.profiles import PacketProfiles
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.adapters.cli.toolbox import Toolbox, Written
from depot_sim.domain.configuration.document import PacketsBinding, SimulationConfigurationDocument
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.packets.binding import BindingReport, read_binding
from depot_sim.domain.packets.device import Device

_USUAL_PROFILE = "default/1"


def add_to(actions: Subcommands, profiles: PacketProfiles) -> None:
    command = actions.add_parser("binding", help="check device configurations", description=__doc__)
    inner = command.add_subparsers(title="actions", metavar="ACTION", required=True)
    action = inner.add_parser("check", help="report every row that cannot be mapped", description=check.__doc__)
    action.add_argument(
        "file", metavar="FILE", type=Path, help="the platform's device and sensor-action configuration, JSON or YAML"
    )
    action.add_argument("--depot", required=True, metavar="DEPOT", help=EXPLAINED)
    action.add_argument("--scope", metavar="ID", help="the managed scope (default: the packets binding's, or the only)")
    action.add_argument("--profile", metavar="NAME|FOLDER", help="default: the packets binding's, else default/1")
    add_json(action)
    action.set_defaults(execute=check, profiles=profiles)


def check(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> ExitCode:
    """Every device with the assets and keys it has, and every row that cannot be mapped, with its place.

    Exit code 1 if there are any, or if the file is faulty.
    """
    document = load_depot(toolbox, arguments.depot).document
    binding = _binding(document)
    scope = arguments.scope or _scope(document, binding)
    profile = arguments.profiles.load(arguments.profile or (binding.profile if binding else _USUAL_PROFILE))
    try:
        written = toolbox.read_document(arguments.file)
    except InvalidInput as error:
        return _refused(terminal, arguments, list(error.faults), error.detail)
    try:
        report = read_binding(written.raw, document, scope, profile)
    except InvalidInput as error:
        return _refused(terminal, arguments, written.located(error.faults), error.detail)
    return _reported(terminal, arguments, report, written)


def _binding(document: SimulationConfigurationDocument) -> PacketsBinding | None:
    """The depot's packets binding, if it has just one."""
    found = [binding for binding in document.projection_bindings if isinstance(binding, PacketsBinding)]
    return found[0] if len(found) == 1 else None


def _scope(document: SimulationConfigurationDocument, binding: PacketsBinding | None) -> str:
    scopes = [scope.id for scope in document.managed_scopes]
    if binding is not None:
        return binding.managed_scope
    if len(scopes) == 1:
        return scopes[0]
    found = f"{len(scopes)} managed scopes" if scopes else "no managed scope"
    hint = f"--scope one of {', '.join(scopes)}" if scopes else "give it one"
    raise UsageError(f"the depot has {found}", hint)


def _refused(terminal: Terminal, arguments: argparse.Namespace, faults: list[Fault], detail: str) -> ExitCode:
    if arguments.json:
        terminal.json(_document(arguments, faults=faults))
    else:
        terminal.text(f"{arguments.file}: {detail}\n")
        _show_faults(terminal, faults)
    return ExitCode.VERDICT_FAILED


def _reported(terminal: Terminal, arguments: argparse.Namespace, report: BindingReport, written: Written) -> ExitCode:
    unmapped = written.located(report.unmapped)
    if arguments.json:
        terminal.json(_document(arguments, report, unmapped=unmapped))
    else:
        rows = [_row(device) for device in report.devices]
        terminal.table(("device", "type", "scope", "assets", "keys"), rows)
        if unmapped:
            terminal.text("\nnot mapped:\n")
            _show_faults(terminal, unmapped)
        terminal.text(f"\n{arguments.file}: devices mapped: {len(rows)}, rows not mapped: {len(unmapped)}\n")
    return ExitCode.VERDICT_FAILED if unmapped or not report.devices else ExitCode.OK


def _document(
    arguments: argparse.Namespace,
    report: BindingReport | None = None,
    *,
    faults: list[Fault] | None = None,
    unmapped: list[Fault] | None = None,
) -> dict[str, Any]:
    devices = () if report is None else report.devices
    return {
        "file": str(arguments.file),
        "valid": bool(devices) and not unmapped,
        "site_model_name": None if report is None else report.site_model_name,
        "devices": devices,
        "unmapped": unmapped or [],
        "faults": faults or [],
    }


def _row(device: Device) -> tuple[object, ...]:
    assets = ", ".join(f"{kind.value} {id}".strip() for kind, id in device.entities)
    renamed = (bound.key if bound.key == bound.measurand else f"{bound.key}={bound.measurand}" for bound in device.keys)
    return device.id, device.type.value, device.node, assets, " ".join(renamed)


def _show_faults(terminal: Terminal, faults: list[Fault]) -> None:
    columns = ("line", "col", "where", "found", "expected")
    rows = [(fault.line or "", fault.column or "", fault.pointer, fault.found, fault.expected) for fault in faults]
    terminal.table(columns, rows, right=columns[:2], whole=columns[:3])
