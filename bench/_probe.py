"""A client in a process of its own that measures how long the service takes to respond.

`python -m bench._probe URL` requests /livez until its input ends, then writes every response time, in seconds, as a
JSON array. As it shares no interpreter with a benchmark, it measures the service and not that benchmark's own work.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from contextlib import closing
from http.client import HTTPConnection
from urllib.parse import urlsplit

from tests.processes import checkout_variables, module_command

_PAUSE_SECONDS = 0.005


class Probe:
    """A running probe."""

    def __init__(self, url: str) -> None:
        """Returns when the first response has come."""
        pipe = subprocess.PIPE
        command = module_command("bench._probe", url)
        self._process = subprocess.Popen(command, env=checkout_variables(), stdin=pipe, stdout=pipe, text=True)
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def end(self) -> list[float]:
        """Every response time since it began, in seconds."""
        output, _ = self._process.communicate()
        times: list[float] = json.loads(output)
        return times


def main(url: str) -> None:
    ended = threading.Event()
    threading.Thread(target=_wait_for_end, args=(ended,), daemon=True).start()
    times, host = [], urlsplit(url)
    with closing(HTTPConnection(host.hostname or "", host.port)) as connection:
        while not ended.is_set():
            began = time.perf_counter()
            connection.request("GET", "/livez")
            connection.getresponse().read()
            times.append(time.perf_counter() - began)
            if len(times) == 1:
                print("ready", flush=True)
            time.sleep(_PAUSE_SECONDS)
    print(json.dumps(times), flush=True)


def _wait_for_end(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


if __name__ == "__main__":
    main(sys.argv[1])
