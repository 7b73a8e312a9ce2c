"""A service with a limit of memory: what does not fit is refused, and a used-up limit ends it in order."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from depot_sim.adapters.configuration_import.common_job import common_job
from tests.e2e.processes import ROOT, depot_sim, finish, running, wait_for
from tests.patience import patient

MB = 2**20
JSON = {"Content-Type": "application/json"}
YAML = {"Content-Type": "application/yaml"}
BUSES = 4_000
FITS, SMALL, TOO_SMALL = 900, 586, 420
"""MB of address space: the service takes about 220, and 84 for the stacks of threads that are still to come."""
LITTLE, TOO_LITTLE = 56 * 10**6, 16 * 10**6
"""Bytes that are left: the service stops below 25 MB."""


class Limited:
    """A service that can use so much address space."""

    def __init__(self, http: httpx.Client, process: subprocess.Popen[str]) -> None:
        self.http = http
        self.process = process
        self.pid = process.pid

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> httpx.Response:
        return self.http.post(path, content=body, headers=headers)

    def post_document(self, body: bytes) -> httpx.Response | None:
        """On a connection of its own; None when the service closed it before it had read the body."""
        try:
            return httpx.post(
                f"{self.http.base_url}/simulation-configurations",
                content=body,
                headers=JSON,
                timeout=patient(60),
                trust_env=False,
            )
        except httpx.NetworkError:
            return None

    def start_run(self, run_id: str) -> httpx.Response:
        depot = (ROOT / "examples" / "three-bus-depot.yaml").read_bytes()
        created = self.post("/simulation-configurations", depot, YAML)
        assert created.status_code == 201, created.text
        request = {"configuration_id": created.json()["id"], "run_id": run_id, "clock": {"mode": "MANUAL"}}
        return self.http.post("/simulation-runs", json=request)


@contextmanager
def started(db: str, folder: Path, megabytes: int) -> Iterator[Limited]:
    ready = folder / "ready.json"
    ready.unlink(missing_ok=True)
    with running("serve", "--db", db, "--port", "0", "--ready-file", str(ready)) as process:
        limit_address_space(process.pid, megabytes * MB)  # as `ulimit -v` does, before Python has read its first module
        wait_for(ready.exists, process)
        url = json.loads(ready.read_bytes())["url"]
        with httpx.Client(base_url=url, timeout=patient(60), trust_env=False) as http:
            yield Limited(http, process)


@contextmanager
def limited(db: str, folder: Path, megabytes: int) -> Iterator[Limited]:
    """The service is asked to stop at the end."""
    with started(db, folder, megabytes) as service:
        yield service
        service.process.terminate()
        finished = finish(service.process)
        assert finished.code == 0, finished.err


@pytest.fixture(scope="module")
def large_depot() -> bytes:
    return common_job(BUSES, 1).document_json


def test_a_depot_that_does_not_fit_is_refused_before_it_is_parsed(
    sqlite_url: str, tmp_path: Path, large_depot: bytes
) -> None:
    with limited(sqlite_url, tmp_path, TOO_SMALL) as service:
        refused = service.post("/simulation-configurations", large_depot, JSON)
        checked = service.post("/simulation-configurations/validate", large_depot, JSON)
        started = service.start_run("small")

    for answer in (refused, checked):
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert problem["type"] == "urn:depot-sim:problem:memory-short"
        assert "the document needs about" in problem["detail"]
        assert f"the limit of {TOO_SMALL * MB // 10**6} MB (RLIMIT_AS, set by ulimit -v)" in problem["detail"]
        assert "docs/operation.md" in problem["hint"]
    assert started.status_code == 201, started.text


@pytest.mark.full
def test_depots_and_runs_are_taken_until_one_does_not_fit_and_no_signal_ends_the_service(
    sqlite_url: str, tmp_path: Path, large_depot: bytes
) -> None:
    with limited(sqlite_url, tmp_path, FITS) as service:
        created = service.post("/simulation-configurations", large_depot, JSON)
        assert created.status_code == 201, created.text
        request = {"configuration_id": created.json()["id"], "clock": {"mode": "MANUAL"}}
        before, answers = resident(service.pid), []
        answers.append(service.http.post("/simulation-runs", json=request))
        assert service.http.get("/livez").status_code == 200
        taken = resident(service.pid) - before
        limit_address_space(service.pid, address_space(service.pid) + 200 * MB)
        while answers[-1].status_code == 201:
            answers.append(service.http.post("/simulation-runs", json=request))

    assert answers[0].status_code == 201, answers[0].text
    assert answers[-1].status_code == 503
    assert taken < needed(answers[-1].json()["detail"])


def test_a_limit_that_is_used_up_ends_the_service_in_order_with_exit_code_7(
    sqlite_url: str, tmp_path: Path, large_depot: bytes
) -> None:
    """What is left is enough to stop, and the stacks of threads that are still to come are not counted as left."""
    with started(sqlite_url, tmp_path, TOO_SMALL) as service:
        assert service.start_run("r").status_code == 201
        assert service.http.post("/simulation-runs/r/commands/tick", json={"count": 3}).status_code == 200
        refused = service.post("/simulation-configurations", large_depot, JSON)
        limit_address_space(service.pid, TOO_SMALL * MB - left_bytes(refused.json()["detail"]) + TOO_LITTLE)
        finished = finish(service.process)

    assert finished.code == 7, finished.err
    assert "error: the memory is used up" in finished.err
    assert "(RLIMIT_AS, set by ulimit -v)" in finished.err
    assert "Traceback" not in finished.err
    recorded = depot_sim("events", "r", "--db", sqlite_url, "--json").out.splitlines()
    topics = [json.loads(line)["type"] for line in recorded]
    assert topics.count("run.ticked.1") == 3
    assert topics[-1] == "run.lease-released.1"


def test_bodies_that_do_not_end_never_use_the_memory_up(sqlite_url: str, tmp_path: Path) -> None:
    """Of strangers, whose messages the service reads before it knows their session."""
    with limited(sqlite_url, tmp_path, FITS) as service, ExitStack() as open_connections:
        url = service.http.base_url
        head = b"POST /oscp/cp/2.0/heartbeat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000000\r\n\r\n"
        assert service.start_run("first").status_code == 201  # with the threads that it starts
        before = address_space(service.pid)
        for _ in range(300):
            stranger = open_connections.enter_context(socket.create_connection((url.host, url.port), 60))
            with suppress(ConnectionError):
                stranger.sendall(head + b"x" * MB)
        assert service.http.get("/readyz").status_code == 200
        taken = address_space(service.pid) - before

    assert taken < 150 * MB


def test_bursts_of_refused_documents_never_use_the_memory_up(sqlite_url: str, tmp_path: Path) -> None:
    """Eight at once, five times over: nothing of a document is kept after its response.

    Then with so little memory left that two at once would use up the rest: less is read of them.
    """
    document = b'{"filler": "' + b"x" * 16 * MB + b'"}'
    with limited(sqlite_url, tmp_path, SMALL) as service, ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(service.post_document, [document] * 40))
        details = [answer.json()["detail"] for answer in answers if answer is not None]
        left = max(left_bytes(detail) for detail in details if "the document needs about" in detail)
        limit_address_space(service.pid, SMALL * MB - left + LITTLE)
        answers += threads.map(service.post_document, [document] * 8)
        assert service.http.get("/livez").status_code == 200

    assert {answer.status_code for answer in answers if answer is not None} == {503}
    late_details = [answer.json()["detail"] for answer in answers[40:] if answer is not None]
    assert any("a second copy of the bodies" in detail for detail in late_details)


def test_a_service_that_cannot_start_within_its_limit_says_so(sqlite_url: str, tmp_path: Path) -> None:
    with running("serve", "--db", sqlite_url, "--port", "0") as process:
        limit_address_space(process.pid, 240 * MB)
        finished = finish(process)

    assert finished.code == 7, finished.err
    assert "the memory is used up" in finished.err


def limit_address_space(pid: int, limit: int) -> None:
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def address_space(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def left_bytes(detail: str) -> int:
    """What a problem says is left."""
    return int(detail.partition("of memory; ")[2].partition(" MB")[0].replace(",", "")) * 10**6


def needed(detail: str) -> int:
    """The estimate for a run that is refused; bytes."""
    assert "the run needs about" in detail
    return int(detail.partition("about ")[2].partition(" MB")[0].replace(",", "")) * 10**6
