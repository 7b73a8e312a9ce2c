"""`depot-sim configuration`: check, import and show depot definitions."""

from __future__ import annotations

import argparse

from adapters.cli.arguments import Subcommands, add_json
from adapters.cli.depots import load_depot
from adapters.cli.exit_codes import ExitCode
from adapters.cli.terminal import Terminal
from adapters.cli.toolbox import Toolbox
from domain.configuration.definition import Definition
from domain.errors import Fault, InvalidInput


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser(
        "configuration", help="check, import and show depot definitions", description=__doc__
    )
    actions = command.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_validate(actions)


def _add_validate(actions: Subcommands) -> None:
    action = actions.add_parser("validate", help="report every fault of a definition", description=validate.__doc__)
    action.add_argument("depot", metavar="FILE", help="a YAML or JSON file, or an example's name")
    add_json(action)
    action.set_defaults(execute=validate)


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


def _show_faults(terminal: Terminal, arguments: argparse.Namespace, error: InvalidInput) -> None:
    if arguments.json:
        terminal.json({"file": arguments.depot, "valid": False, "faults": [_document(fault) for fault in error.faults]})
        return
    terminal.text(f"{error.detail}\n")
    columns = ("line", "col", "where", "found", "expected")
    terminal.table(columns, [_row(fault) for fault in error.faults], right=columns[:2])


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
