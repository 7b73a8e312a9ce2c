"""What the operating system refuses is said in plain words: what, why, what to do, and never a bare errno."""

from __future__ import annotations

import errno
import os
import shlex
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from depot_sim.adapters.cli.client import Client
from depot_sim.adapters.cli.exit_codes import ExitCode
from depot_sim.adapters.cli.failures import AddressUnavailable, Unreachable, exit_code
from depot_sim.adapters.cli.os_errors import failure_of, network_reason
from depot_sim.adapters.cli.output_files import write_whole
from depot_sim.bootstrap.listening import listening
from tests.adapters.cli.command_line import depot_sim
from tests.processes import module_command

FULL = Path("/dev/full")
GTFS = Path(__file__).parents[3] / "examples" / "data" / "gtfs-sample-feed.zip"
ENDED = (141, 0)  # 0 where argparse prints its help unbuffered: it ignores the error
COMMAND = module_command("depot_sim.bootstrap.main")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def check_plain(err: str) -> None:
    """One block without the system's numbers and without a traceback."""
    assert err.startswith("error: ")
    assert "\n  hint " in err or "\n  expected " in err
    assert "Errno" not in err
    assert "Traceback" not in err


def test_a_taken_port_is_named_with_what_to_do(taken: int) -> None:
    code, _, err = depot_sim("serve", "--db", "memory:", "--port", str(taken))

    assert code == 3
    assert f"port {taken} of 127.0.0.1 is already in use" in err
    assert "--port N" in err
    check_plain(err)


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("192.0.2.1", "192.0.2.1 is no address of this machine"),
        ("no-such-host.invalid", "the host name 'no-such-host.invalid' is unknown"),
        ("x" * 80, "is unknown on this machine"),
    ],
)
def test_an_address_that_is_not_of_this_machine_is_named(host: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPOT_SIM_TOKENS", "ana:operator:0123456789abcdef")
    code, _, err = depot_sim("serve", "--db", "memory:", "--port", "0", "--host", host)

    assert code == 3
    assert said in err
    check_plain(err)


@pytest.mark.parametrize(
    ("number", "said", "hint"),
    [
        (errno.EACCES, "this user may not listen on port 80", "from 1024 on"),
        (errno.EAFNOSUPPORT, "this machine has no address such as", "IPv4"),
        (errno.ENOBUFS, "port 80 of 127.0.0.1 cannot be listened on", "--port"),
    ],
)
def test_every_refusal_to_listen_says_what_to_do(
    number: int, said: str, hint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("socket.socket.bind", refuse)
    with pytest.raises(AddressUnavailable) as error:
        listening("127.0.0.1", 80)

    assert said in error.value.detail
    assert hint in error.value.hint
    assert exit_code(error.value) == 3


@pytest.mark.parametrize("name", ["missing/ready.json", "folder"])
def test_a_ready_file_that_cannot_be_written_is_refused_before_anything_is_opened(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    db = tmp_path / "depot.db"
    code, _, err = depot_sim("serve", "--db", f"sqlite:///{db}", "--port", "0", "--ready-file", str(tmp_path / name))

    assert code == 2
    assert str(tmp_path / name) in err
    assert not db.exists()
    check_plain(err)


@pytest.mark.parametrize(
    "arguments",
    [
        ("configuration", "validate", "{folder}/missing.yaml"),
        ("run", "{folder}/missing.yaml"),
        ("run", "three-bus-depot", "--scenario", "{folder}/missing.yaml"),
        ("scenario", "check", "{folder}/missing.yaml"),
        ("scenario", "check", "{folder}/folder.yaml"),
        ("configuration", "validate", "{folder}/folder.yaml"),
        ("configuration", "import", "--format", "gtfs", "{folder}/missing.zip"),
        ("configuration", "import", "--format", "block-csv", "--depot", "X", "{folder}/missing.csv"),
        ("configuration", "import", "--format", "block-csv", "--depot", "X", "{folder}/folder.yaml"),
        ("configuration", "import", "--format", "legacy-circuits", "{folder}/folder.yaml"),
        ("packets", "profile", "check", "{folder}/missing"),
        ("packets", "profile", "export", "default/1", "{folder}/file/below"),
    ],
)
def test_a_file_that_cannot_be_read_or_written_is_named(arguments: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "file").touch()
    code, out, err = depot_sim(*(part.format(folder=tmp_path) for part in arguments))

    assert code == 2, err
    assert out == ""
    assert str(tmp_path) in err
    check_plain(err)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("serve", "--port", "0"), "the folder {folder}/missing does not exist"),
        (("run", "three-bus-depot", "--for", "1h"), "the folder {folder}/missing does not exist"),
        (("runs",), "there is no database {folder}/missing/depot.db"),
        (("read-models", "status"), "there is no database {folder}/missing/depot.db"),
    ],
)
def test_a_store_in_a_folder_that_does_not_exist_is_refused(
    arguments: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    code, _, err = depot_sim(*arguments, "--db", f"sqlite:///{tmp_path}/missing/depot.db")

    assert code == 3, err
    assert said.format(folder=tmp_path) in err
    check_plain(err)


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("run", "three-bus-depot", "--for", "1h"), ("runs",)])
def test_a_store_that_is_a_folder_is_refused(command: tuple[str, ...], tmp_path: Path) -> None:
    code, _, err = depot_sim(*command, "--db", f"sqlite:///{tmp_path}")

    assert code == 3, err
    assert str(tmp_path) in err
    check_plain(err)


def test_an_output_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    output = tmp_path / "missing" / "depot.yaml"
    code, _, err = depot_sim(
        "configuration", "import", "--format", "gtfs", "--block-per-trip", str(GTFS), "--output", str(output)
    )

    assert code == 2
    assert f"{output.parent} cannot be used: the folder does not exist" in err
    check_plain(err)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_is_not_there_is_named_with_the_reason(scheme: str) -> None:
    code, _, err = depot_sim("runs", "--url", f"{scheme}://127.0.0.1:9")

    assert code == 3
    assert f"no answer from {scheme}://127.0.0.1:9: the connection was refused" in err
    check_plain(err)


def test_a_postgresql_server_that_is_not_there_is_said_without_talk_of_appends() -> None:
    code, _, err = depot_sim("runs", "--db", "postgresql://127.0.0.1:9/depot")

    assert code == 3
    assert "PostgreSQL cannot be reached" in err
    assert "append" not in err
    check_plain(err)


def test_a_host_that_is_unknown_is_said() -> None:
    code, _, err = depot_sim("runs", "--url", "http://no-such-host.invalid")

    assert code == 3
    assert "the host name is unknown" in err
    check_plain(err)


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (httpx.ConnectTimeout("timed out"), "no connection within 5 s"),
        (httpx.ReadTimeout("timed out"), "it took too long"),
        (httpx.RemoteProtocolError("Server disconnected"), "Server disconnected"),
    ],
)
def test_a_server_that_does_not_answer_is_said_with_the_reason(raised: Exception, said: str) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise raised

    with Client("http://there", None, httpx.MockTransport(fail)) as client, pytest.raises(Unreachable) as error:
        client.get("/")
    assert said in error.value.detail


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ssl.SSLError(1, "WRONG_VERSION_NUMBER"), "http or https"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), "closed before the answer"),
        (OSError(errno.ENETUNREACH, "x"), "the network cannot be reached"),
        (ExceptionGroup("tries", [OSError(errno.ECONNREFUSED, "x")]), "was refused"),
        (ValueError("nothing of the system"), ""),
    ],
)
def test_the_reason_is_that_of_the_system_below_a_library_s_error(error: Exception, said: str) -> None:
    outer = httpx.ConnectError("outer")
    outer.__cause__ = error
    assert said in network_reason(outer)
    assert bool(network_reason(outer)) == bool(said)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ENOENT, ExitCode.USAGE),
        (errno.EACCES, ExitCode.USAGE),
        (errno.EROFS, ExitCode.USAGE),
        (errno.ENOTDIR, ExitCode.USAGE),
        (errno.ENAMETOOLONG, ExitCode.USAGE),
        (errno.EXDEV, ExitCode.USAGE),
        (errno.ENOSPC, ExitCode.UNREACHABLE),
        (errno.EDQUOT, ExitCode.UNREACHABLE),
        (errno.EMFILE, ExitCode.UNREACHABLE),
        (errno.EIO, ExitCode.UNREACHABLE),
    ],
)
def test_every_errno_has_a_sentence_that_names_the_file_and_a_hint(number: int, code: ExitCode) -> None:
    failure = failure_of(OSError(number, os.strerror(number), "/some/file"))

    assert failure.what.startswith("/some/file cannot be used: ")
    assert failure.hint
    assert failure.code == code
    assert "Errno" not in failure.what


def test_a_full_disk_leaves_no_half_file_and_the_old_one_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "depot.yaml"
    file.write_text("old", encoding="utf-8")

    def full(path: Path, content: bytes) -> int:
        with path.open("wb") as opened:
            opened.write(content[:3])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OSError, match="No space left") as error:
        write_whole(file, b"new content")

    assert error.value.filename == str(file)
    assert file.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_whole_file_replaces_the_old_one_and_a_device_is_written_to(tmp_path: Path) -> None:
    file, link = tmp_path / "depot.yaml", tmp_path / "link.yaml"
    write_whole(file, b"old")
    link.symlink_to(file)
    write_whole(link, b"new")
    write_whole(Path(os.devnull), b"nothing")

    assert file.read_bytes() == b"new"
    assert link.is_symlink()


def test_output_to_a_full_disk_is_said_in_one_block() -> None:
    with FULL.open("wb") as full:
        finished = subprocess.run(
            [*COMMAND, "configuration", "import", "--format", "gtfs", "--block-per-trip", str(GTFS)],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )

    assert finished.returncode == 3
    assert "error: the output cannot be written: the disk is full" in finished.stderr
    check_plain(finished.stderr)
    assert "Exception ignored" not in finished.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("scenario", "list"), ("scenario", "show", "bba-mode-table")])
def test_output_that_is_no_longer_read_ends_the_command_quietly(arguments: tuple[str, ...]) -> None:
    process = subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read()
    process.stderr.close()

    assert process.wait() in ENDED
    assert said == b""


def test_a_command_without_a_standard_output_does_its_work() -> None:
    line = f"{shlex.join(COMMAND)} version >&-"
    finished = subprocess.run(["/bin/sh", "-c", line], check=False, capture_output=True, text=True)

    assert (finished.returncode, finished.stderr) == (0, "")
