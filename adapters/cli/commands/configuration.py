"""`depot-sim configuration`: check, import and show depot definitions."""

from __future__ import annotations

import argparse
from datetime import date
from pathlib import Path

import msgspec

from depot_sim.adapters.cli.arguments import Subcommands, add_json, count
from depot_sim.adapters.cli.depots import load_depot
from depot_sim.adapters.cli.exit_codes import ExitCode
from depot_sim.adapters.cli.lines import ConfigurationLine
from depot_sim.adapters.cli.output_files import write_whole
from depot_sim.adapters.cli.source import add_source, open_source, server
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.adapters.cli.toolbox import ImportFormat, ImportRequest, Toolbox
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.errors import Fault, InvalidInput


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser(
        "configuration", help="check, import and show depot definitions", description=__doc__
    )
    actions = command.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_validate(actions)
    _add_import(actions)
    _add_show(actions)


def _add_validate(actions: Subcommands) -> None:
    action = actions.add_parser("validate", help="report every fault of a definition", description=validate.__doc__)
    action.add_argument("depot", metavar="FILE", help="a YAML or JSON file, or an example's name")
    add_json(action)
    action.set_defaults(execute=validate)


def _add_import(actions: Subcommands) -> None:
    action = actions.add_parser("import", help="make a definition of another format", description=import_.__doc__)
    action.add_argument("source", metavar="FILE", type=Path, help="what to import")
    formats = ", ".join(ImportFormat)
    action.add_argument("--format", type=_format, required=True, metavar="FORMAT", help=f"one of {formats}")
    action.add_argument("--name", metavar="TEXT", help="the depot's name (default: the file's)")
    action.add_argument("--attribution", default="", metavar="TEXT", help="whose data it is")
    action.add_argument("-o", "--output", type=Path, metavar="FILE", help="write YAML there instead of to stdout")
    action.add_argument("--url", metavar="URL", help="save it on this server instead")
    action.add_argument("--token", metavar="TOKEN", help="for the server (default: DEPOT_SIM_TOKEN)")
    blocks = action.add_argument_group("block-csv")
    blocks.add_argument("--depot", action="append", default=[], metavar="CODE", help="of the table; may be repeated")
    blocks.add_argument("--energy-column", default="", metavar="NAME", help="what a block takes, in kWh")
    gtfs = action.add_argument_group("gtfs")
    gtfs.add_argument("--route", action="append", default=[], metavar="ID", help="only this route; may be repeated")
    gtfs.add_argument("--week", type=_day, metavar="MONDAY", help="such as 2026-03-02 (default: the feed's first)")
    gtfs.add_argument("--block-per-trip", action="store_true", help="for trips without a block_id")
    action.set_defaults(execute=import_)


def _add_show(actions: Subcommands) -> None:
    action = actions.add_parser("show", help="a stored definition, as YAML", description=show.__doc__)
    action.add_argument("id", metavar="CONFIGURATION_ID")
    action.add_argument("--version", type=count, metavar="N", help="default: the newest")
    add_source(action)
    add_json(action)
    action.set_defaults(execute=show)


def validate(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> ExitCode:
    """Report every fault at once: where it is, what was found, what would do. Exit code 1 if there are any."""
    try:
        definition = load_depot(toolbox, arguments.depot)
    except InvalidInput as error:
        _show_faults(terminal, arguments, error)
        return ExitCode.VERDICT_FAILED
    if arguments.json:
        terminal.json({"file": arguments.depot, "valid": True, "faults": []})
    else:
        terminal.text(f"{arguments.depot}: sound. {_outline(definition)}\n")
    return ExitCode.OK


def import_(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> ExitCode:
    """Make a definition of a bus timetable or an older definition: YAML, or saved on a server right away."""
    definition = _imported(arguments, toolbox)
    if arguments.url is not None:
        with server(arguments) as client:
            answer = client.post("/simulation-configurations", definition.document_json)
        saved = msgspec.json.decode(answer, type=ConfigurationLine)
        terminal.text(f"saved as configuration {saved.id}, version {saved.version}\n")
    elif arguments.output is not None:
        write_whole(arguments.output, toolbox.to_yaml(definition).encode())
        terminal.say(f"{arguments.output}: {_outline(definition)}")
    else:
        terminal.text(toolbox.to_yaml(definition))
    return ExitCode.OK


def show(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> ExitCode:
    """A configuration that a server or a store keeps: its newest version, or any earlier one."""
    with open_source(arguments, toolbox) as source:
        found = source.configuration(arguments.id, arguments.version)
    if arguments.json:
        terminal.json(found)
    else:
        archived = ", archived" if found.archived else ""
        terminal.text(f"# {found.id}, version {found.version} of {found.newest}{archived}, sha256 {found.sha256}\n")
        terminal.text(toolbox.to_yaml(Definition.recorded(bytes(found.document))))
    return ExitCode.OK


def _imported(arguments: argparse.Namespace, toolbox: Toolbox) -> Definition:
    request = ImportRequest(
        format=arguments.format,
        source=arguments.source,
        name=arguments.name or arguments.source.stem,
        attribution=arguments.attribution,
        depots=tuple(arguments.depot),
        energy_column=arguments.energy_column,
        routes=tuple(arguments.route),
        week=arguments.week,
        block_per_trip=arguments.block_per_trip,
    )
    try:
        return toolbox.import_definition(request)
    except InvalidInput as error:
        raise InvalidInput(error.faults, f"{arguments.source}: {error.detail}") from None


def _format(text: str) -> ImportFormat:
    try:
        return ImportFormat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected one of {', '.join(ImportFormat)}") from None


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a day such as 2026-03-02") from None


def _show_faults(terminal: Terminal, arguments: argparse.Namespace, error: InvalidInput) -> None:
    if arguments.json:
        terminal.json({"file": arguments.depot, "valid": False, "faults": [_document(fault) for fault in error.faults]})
        return
    terminal.text(f"{error.detail}\n")
    columns = ("line", "col", "where", "found", "expected")
    terminal.table(columns, [_row(fault) for fault in error.faults], right=columns[:2], whole=columns[:3])


def _document(fault: Fault) -> dict[str, object]:
    return {
        "pointer": fault.pointer,
        "line": fault.line or None,
        "column": fault.column or None,
        "found": fault.found,
        "expected": fault.expected,
    }


def _row(fault: Fault) -> tuple[object, ...]:
    return fault.line or "", fault.column or "", fault.pointer or "(the whole)", fault.found, fault.expected


def _outline(definition: Definition) -> str:
    document = definition.document
    counts = {
        "nodes": document.topology.nodes,
        "chargers": document.chargers,
        "vehicles": document.vehicles,
        "sensors": document.sensors,
    }
    return f"{document.name}: " + ", ".join(f"{len(things)} {name}" for name, things in counts.items())
