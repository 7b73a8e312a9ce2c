"""A child process of tests: appends to one stream until its count is reached, and tells every acknowledged version.

`python -m tests.adapters.event_store.writer URL STREAM COUNT EVENTS_PER_APPEND`
"""

from __future__ import annotations

import sys

from depot_sim.adapters.event_store import open_event_store
from tests.adapters.event_store.samples import say, write


def main(url: str, stream: str, count: int, size: int) -> None:
    with open_event_store(url) as store:
        for version in range(0, count, size):
            store.log.append(write(stream, version, *range(version, version + size)))
            say(version + size)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
