"""Whatever goes wrong: one clear block on stderr, the right exit code, and never a traceback."""

from __future__ import annotations

import io
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from depot_sim.adapters.cli.app import main
from depot_sim.bootstrap.tools import toolbox
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from tests.adapters.cli.command_line import depot_sim
from tests.processes import ROOT

COMMANDS = (
    "serve",
    "run",
    "demo",
    "replay",
    "configuration",
    "runs",
    "world",
    "events",
    "scenario",
    "oscp",
    "packets",
    "read-models",
    "version",
)


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert depot_sim("--help").code == 0
    helped = capsys.readouterr().out

    assert all(f"\n    {command}" in helped for command in COMMANDS)
    assert "exit codes: 0 fine, 1 a verdict failed, 2 usage or bad input, 3 server" in helped
    assert "7 memory used up" in " ".join(helped.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert depot_sim(command, "--help").code == 0
    assert f"usage: depot-sim {command}" in capsys.readouterr().out


def test_a_command_starts_without_the_imports_of_the_others() -> None:
    program = (
        "import atexit, sys; from depot_sim.bootstrap.main import main; "
        "atexit.register(lambda: print(*sys.modules)); main()"
    )
    imported = subprocess.check_output([sys.executable, "-c", program, "serve", "--help"], cwd=ROOT, text=True).split()

    assert "depot_sim.adapters.cli.commands.serve" in imported
    assert "depot_sim.adapters.cli.commands.scenario" not in imported
    assert "httpx" not in imported, "only clients of a server need it"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("fly",),
        ("run",),
        ("run", "three-bus-depot", "--for", "soon"),
        ("run", "three-bus-depot", "--seed", "x"),
        ("run", "three-bus-depot", "--resume", "r"),
        ("run", "--resume", "r"),
        ("run", "three-bus-depot", "--db", "sqlite:///x.db", "--run-id", "a", "--resume", "r"),
        ("replay", "r"),
        ("read-models", "rebuild", "--db", "memory:"),
        ("read-models", "rebuild", "runs", "--all", "--db", "memory:"),
        ("runs", "--db", "memory:", "--url", "http://127.0.0.1:1"),
        ("runs", "--url", "not a url"),
        ("runs", "--limit", "0"),
        ("serve", "--port", "70000"),
        ("configuration", "import", "--format", "xlsx", "file"),
        ("configuration", "import", "--format", "gtfs", "--week", "monday", "file"),
    ],
)
def test_wrong_usage_is_told_with_a_hint(arguments: tuple[str, ...]) -> None:
    code, out, err = depot_sim(*arguments)

    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert "\n  hint " in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "nowhere.yaml"), "nowhere.yaml cannot be used: the file does not exist"),
        (("run", "no-such-example"), "no depot 'no-such-example'"),
        (("run", "common-job:0"), "common-job:BUSES"),
        (("run", "three-bus-depot", "--disturbances", "war"), "/disturbances"),
        (("run", "three-bus-depot", "--start", "noon"), "/start_time"),
        (("run", "three-bus-depot", "--tick", "2h"), "/tick"),
        (("run", "three-bus-depot", "--run-id", "a b"), "/run_id"),
        (("run", "three-bus-depot", "--db", "mysql://x"), "sqlite:///FILE"),
        (("read-models", "rebuild", "moods", "--db", "memory:"), "no read model 'moods'"),
        (("world", "r", "--db", "memory:"), "no run 'r'"),
        (("events", "r", "--db", "memory:"), "no run 'r'"),
        (("events", "r", "--db", "memory:", "--type", "x"), "/type"),
        (("replay", "r", "--db", "memory:"), "no run 'r'"),
        (("run", "--resume", "r", "--db", "memory:"), "no run 'r'"),
        (("configuration", "show", "c", "--db", "memory:"), "no configuration 'c'"),
        (("serve", "--host", "0.0.0.0", "--port", "0"), "without tokens"),
    ],
)
def test_bad_input_is_told_with_what_would_do(arguments: tuple[str, ...], said: str) -> None:
    code, out, err = depot_sim(*arguments)

    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert said in err


@pytest.mark.parametrize("command", ["runs", "world r", "events r", "replay r", "read-models status", "run --resume r"])
def test_reading_a_database_that_is_not_there_makes_none(command: str, tmp_path: Path) -> None:
    file = tmp_path / "depot.db"

    code, _, err = depot_sim(*command.split(), "--db", f"sqlite:///{file}")

    assert code == 3
    assert f"there is no database {file}" in err
    assert not file.exists()


def test_a_truncated_database_is_unusable_and_left_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "depot.db"
    assert depot_sim("run", "three-bus-depot", "--for", "1h", "--db", f"sqlite:///{file}", "--json").code == 0
    file.write_bytes(file.read_bytes()[:5_000])
    before = file.read_bytes()

    code, _, err = depot_sim("runs", "--db", f"sqlite:///{file}")

    assert code == 3
    assert err.startswith("error: ")
    assert file.read_bytes() == before


def test_a_database_of_a_newer_version_is_unusable(tmp_path: Path) -> None:
    file = tmp_path / "depot.db"
    assert depot_sim("run", "three-bus-depot", "--for", "1h", "--db", f"sqlite:///{file}", "--json").code == 0
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE store_info SET schema_version = 99")
    connection.close()

    code, _, err = depot_sim("runs", "--db", f"sqlite:///{file}")

    assert code == 3
    assert "99" in err


def test_an_unreachable_server_is_told_with_its_url() -> None:
    code, _, err = depot_sim("runs", "--url", "http://127.0.0.1:1")

    assert code == 3
    assert "no answer from http://127.0.0.1:1" in err
    assert "depot-sim serve" in err


def test_an_unreachable_database_is_told() -> None:
    assert depot_sim("runs", "--db", "postgresql://nobody@127.0.0.1:1/none").code == 3


def broken(_: object) -> NoReturn:
    raise ZeroDivisionError("a wheel came off")


def test_a_defect_is_told_without_a_traceback() -> None:
    code, out, err = depot_sim("run", "three-bus-depot.yaml", load_definition=broken)

    assert (code, out) == (4, "")
    assert "ZeroDivisionError: a wheel came off" in err
    assert "DEPOT_SIM_DEBUG=1" in err
    assert "Traceback" not in err


def test_a_debugger_gets_the_traceback(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("DEPOT_SIM_DEBUG", "1")
    depot_sim("run", "three-bus-depot.yaml", load_definition=broken)

    assert "Traceback" in capfd.readouterr().err


def many_faults(_: object) -> NoReturn:
    raise InvalidInput([Fault(f"/vehicles/{index}", "x", "y") for index in range(50)])


def test_many_faults_are_cut_in_an_error() -> None:
    _, _, err = depot_sim("run", "three-bus-depot.yaml", load_definition=many_faults)

    assert err.count("\n  where ") == 20
    assert "30 more" in err


def interrupted(_: object) -> NoReturn:
    raise KeyboardInterrupt


def test_ctrl_c_has_the_exit_code_shells_expect() -> None:
    code, _, err = depot_sim("run", "three-bus-depot.yaml", load_definition=interrupted)

    assert (code, err) == (130, "interrupted\n")


def test_a_reader_that_goes_away_is_no_error() -> None:
    """As in `depot-sim events RUN | head -1`."""
    script = (
        "import sys; from depot_sim.bootstrap.main import main; "
        "sys.argv[1:] = ['configuration', 'import', *sys.argv[1:]]; main()"
    )
    source = str(toolbox().examples / "leichhardt-like.yaml")
    process = subprocess.Popen(
        [sys.executable, "-c", script, "--format", "yaml", source], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    process.stdout.close()

    assert process.wait() == 141
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()


def test_without_arguments_the_process_s_own_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["depot-sim", "version"])
    out = io.StringIO()

    assert main(toolbox(), stdout=out) == 0
    assert out.getvalue().startswith("depot-sim ")
