"""`python -m depot_sim.standin` as a process."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.patience import patient
from tests.processes import killed_at_end, start_module


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    with killed_at_end(start_module("depot_sim.standin", *arguments)) as process:
        yield process


def test_it_says_where_it_serves_and_ends_cleanly_when_asked(tmp_path: Path) -> None:
    ready_file = tmp_path / "ready.json"
    with started("--port", "0", "--ready-file", str(ready_file)) as process:
        assert process.stdout
        line = process.stdout.readline().strip()
        ready = json.loads(ready_file.read_bytes())
        assert line == f"stand-in serves {ready['url']}"
        assert ready["pid"] == process.pid
        with urlopen(f"{ready['url']}/control/connections", timeout=patient(60)) as answer:
            assert json.load(answer) == []
        process.terminate()
        out, err = process.communicate(timeout=patient(60))
        assert (process.returncode, out, err) == (0, "", "")


def test_packets_are_taken_in_below_a_path_of_ones_own_too(tmp_path: Path) -> None:
    ready_file = tmp_path / "ready.json"
    with started("--port", "0", "--ready-file", str(ready_file), "--packet-path", "/ingest/") as process:
        assert process.stdout
        assert process.stdout.readline()
        url = json.loads(ready_file.read_bytes())["url"]
        for path in ("/packets/a", "/ingest/a"):
            with urlopen(f"{url}{path}", data=b'{"ts": 0, "values": {}}', timeout=patient(60)) as answer:
                assert answer.status == 202


def test_a_packet_path_is_a_path() -> None:
    with started("--packet-path", "ingest") as process:
        _, err = process.communicate(timeout=patient(60))
    assert process.returncode == 2
    assert "expected a path such as /ingest/packets" in err


def test_an_address_in_use_is_an_error_with_a_hint() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started("--port", str(port)) as process:
            _, err = process.communicate(timeout=patient(60))
    assert process.returncode == 3
    assert err.startswith(f"error: port {port} of 127.0.0.1 is already in use\n  hint     ")
    assert "--port N" in err
    assert err.count("\n") == 2


def test_its_help_names_the_command_that_starts_it() -> None:
    with started("--help") as process:
        out, _ = process.communicate(timeout=patient(60))
    assert process.returncode == 0
    assert out.startswith("usage: depot-sim standin ")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--host", "0.0.0.0"), "--token TOKEN or --open NAME (control, oscp, packets, page)"),
        (("--open", "everything"), "'control', 'oscp', 'packets', 'page'"),
        (("--token", "abc"), "has 3 characters\n  hint     give one of at least 16 characters\n"),
        (("--token", "a-token-of-the-stand-in", "--token", "short"), "has 5 characters"),
        (("--limit", "head-byte=1"), "--limit: found 'head-byte=1'\n  hint     did you mean head-bytes=VALUE?"),
        (("--limit", "idle-seconds=0"), "idle-seconds=VALUE, 0.01 to 86400 seconds"),
        (("--prot", "1"), "unrecognized arguments: --prot 1\n  hint     see depot-sim standin --help\n"),
    ],
)
def test_what_cannot_be_is_refused_with_the_fix(options: tuple[str, ...], told: str) -> None:
    with started("--port", "0", *options) as process:
        _, err = process.communicate(timeout=patient(60))
    assert process.returncode == 2
    assert err.startswith("error: ")
    assert told in err


def test_its_limits_can_be_set_as_those_of_the_service(tmp_path: Path) -> None:
    ready_file = tmp_path / "ready.json"
    with started("--port", "0", "--limit", "head-bytes=20000", "--ready-file", str(ready_file)) as process:
        assert process.stdout
        assert process.stdout.readline()
        url = json.loads(ready_file.read_bytes())["url"]
        with urlopen(Request(url, headers={"X-Long": "x" * 19_000}), timeout=patient(60)) as answer:
            assert answer.status == 200
        with pytest.raises(HTTPError, match="431") as refused:
            urlopen(Request(url, headers={"X-Long": "x" * 20_000}), timeout=patient(60))
        assert "20000 bytes" in json.load(refused.value)["detail"]


def test_a_token_of_the_environment_closes_what_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDIN_TOKENS", "stand-in-token-012345, another-token-0123456")
    ready_file = tmp_path / "ready.json"
    with started("--host", "0.0.0.0", "--port", "0", "--open", "page", "--ready-file", str(ready_file)) as process:
        assert process.stdout
        assert process.stdout.readline()
        url = json.loads(ready_file.read_bytes())["url"].replace("0.0.0.0", "127.0.0.1")
        with urlopen(url, timeout=patient(60)) as page:
            assert page.status == 200
        with pytest.raises(HTTPError, match="401"):
            urlopen(f"{url}/control/connections", timeout=patient(60))
        shown = Request(f"{url}/control/connections", headers={"Authorization": "Bearer another-token-0123456"})
        with urlopen(shown, timeout=patient(60)) as answer:
            assert json.load(answer) == []
