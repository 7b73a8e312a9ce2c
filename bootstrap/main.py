"""The entry point of the command line: fills its toolbox."""

from __future__ import annotations

import os
import socket
import sys
import time
import uuid
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from adapters.cli import Toolbox
from adapters.cli import main as command_line
from adapters.configuration_import import load
from adapters.configuration_import.common_job import common_job
from adapters.event_store import open_event_store
from adapters.event_store.sqlite_schema import SCHEMA_VERSION

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


class BlockingWallClock:
    """Time for a process that does one thing."""

    def monotonic_us(self) -> int:
        return time.monotonic_ns() // 1_000

    def sleep_us(self, duration_us: int) -> None:
        time.sleep(duration_us / 1_000_000)


def main() -> None:
    """Run the command line of this process."""
    sys.exit(command_line(toolbox()))


def toolbox() -> Toolbox:
    return Toolbox(
        version=_version(),
        store_schema=SCHEMA_VERSION,
        examples=EXAMPLES,
        owner=f"{socket.gethostname()}:{os.getpid()}",
        clock=BlockingWallClock(),
        new_id=lambda: str(uuid.uuid4()),
        load_definition=load,
        common_job=common_job,
        open_store=open_event_store,
    )


def _version() -> str:
    try:
        return version("depot-sim")
    except PackageNotFoundError:
        return "0 (not installed)"


if __name__ == "__main__":
    main()
