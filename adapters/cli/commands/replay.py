"""`depot-sim replay`: fold a stored run again, from its first event, and hold it against what was recorded."""

from __future__ import annotations

import argparse
from typing import Any

import msgspec

from depot_sim.adapters.cli.arguments import Subcommands, add_json
from depot_sim.adapters.cli.exit_codes import ExitCode
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.adapters.cli.toolbox import Toolbox
from depot_sim.application.run.replay import Replay, replay


def add_to(subcommands: Subcommands) -> None:
    command = subcommands.add_parser("replay", help="fold a stored run again and check its hashes", description=__doc__)
    command.add_argument("run_id", metavar="RUN_ID")
    command.add_argument("--db", metavar="URL", required=True, help="the store the run is in")
    add_json(command)
    command.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace, toolbox: Toolbox, terminal: Terminal) -> ExitCode:
    with toolbox.read_log(arguments.db) as log, terminal.progress("replaying") as advance:
        replayed = replay(log, arguments.run_id, advance)
    if arguments.json:
        terminal.json(_document(replayed))
    else:
        _show(terminal, replayed)
    return ExitCode.OK if replayed.reached else ExitCode.VERDICT_FAILED


def _document(replayed: Replay) -> dict[str, Any]:
    fields: dict[str, Any] = msgspec.structs.asdict(replayed)
    return {"run_id": fields.pop("run_id"), "reached": replayed.reached, **fields}


def _show(terminal: Terminal, replayed: Replay) -> None:
    terminal.text(f"{_verdict(replayed)}\n")
    columns = ("after event", "recorded", "folded")
    if replayed.mismatches:
        rows = [(wrong.version, wrong.recorded_sha256, wrong.folded_sha256) for wrong in replayed.mismatches]
        terminal.table(columns, rows, right=columns[:1])
    for label, digest in (("canonical", replayed.canonical_sha256), ("raw", replayed.raw_sha256)):
        terminal.text(f"{label + ' sha256':<17}{digest}\n")


def _verdict(replayed: Replay) -> str:
    folded = f"run {replayed.run_id}: {replayed.events:,} events folded"
    if not replayed.checkpoints:
        return f"{folded}; no state hash is recorded yet, so nothing is proved"
    if replayed.mismatches:
        return f"{folded}; {len(replayed.mismatches)} of {replayed.checkpoints} recorded state hashes are NOT reached"
    return f"{folded}; all {replayed.checkpoints} recorded state hashes are reached"
