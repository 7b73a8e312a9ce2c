"""`python -m standin` as a process."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from tests.patience import patient

ROOT = Path(__file__).parents[2]


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "standin", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


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


def test_an_address_in_use_is_said_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started("--port", str(port)) as process:
            _, err = process.communicate(timeout=patient(60))
    assert process.returncode == 3
    assert err.startswith(f"error: port {port} of 127.0.0.1 is already in use; ")
    assert "--port N" in err
    assert err.count("\n") == 1
