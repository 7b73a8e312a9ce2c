"""A client in a process of its own that measures how long the service takes to respond.

`python -m bench._probe URL PATH PAUSE kept` requests the path again and again until its input ends, PAUSE seconds
after each response, then writes every response time, in seconds, as a JSON array. With `new` instead of `kept` each
request has a connection of its own, which is part of its time. As the client shares no interpreter with a benchmark,
it measures the service and not that benchmark's own work.
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


class Probe:
    """A running probe."""

    def __init__(self, url: str, path: str = "/livez", *, pause: float = 0.005, kept: bool = True) -> None:
        """Returns when the first response has come."""
        pipe = subprocess.PIPE
        command = module_command("bench._probe", url, path, str(pause), "kept" if kept else "new")
        self._process = subprocess.Popen(command, env=checkout_variables(), stdin=pipe, stdout=pipe, text=True)
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def end(self) -> list[float]:
        """Every response time since it began, in seconds."""
        output, _ = self._process.communicate()
        times: list[float] = json.loads(output)
        return times


def main(url: str, path: str, pause: str, kind: str) -> None:
    ended = threading.Event()
    threading.Thread(target=_wait_for_end, args=(ended,), daemon=True).start()
    times, host = [], urlsplit(url)
    with closing(HTTPConnection(host.hostname or "", host.port)) as connection:
        while not ended.is_set():
            began = time.perf_counter()
            connection.request("GET", path)
            response = connection.getresponse()
            response.read()
            assert response.status == 200, response.status
            if kind == "new":
                connection.close()
            times.append(time.perf_counter() - began)
            if len(times) == 1:
                print("ready", flush=True)
            time.sleep(float(pause))
    print(json.dumps(times), flush=True)


def _wait_for_end(ended: threading.Event) -> None:
    sys.stdin.read()
    ended.set()


if __name__ == "__main__":
    main(*sys.argv[1:])
