"""Kills under load: `python -m bench.kills [--kills N] [--store sqlite|postgresql]`.

A service in a process of its own has 8 clients that send commands under Idempotency-Keys, 6 that send OSCP messages, a
packet feed to an endpoint, and a scenario, all on one run that follows wall time. It is killed by SIGKILL at random
moments (the seed is fixed), also while it starts, and started again. Clients send a request again, under the same key
or request id, until it is answered. At the end the event log and the packets that arrived are compared with the
answers: nothing that was acknowledged is lost or done twice, and the service has never ended by itself. Otherwise the
exit code is 1.

There are three parts of N kills (default: 67): SQLite; SQLite with heartbeats that keep a session online for a second
only, so that many messages meet a session that has gone offline; PostgreSQL.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench._kills_scene import Part, Scene
from bench._kills_service import Service
from bench._stores import store_url
from tests.e2e.packet_endpoint import endpoint

_KILLS = 67
PARTS = (
    Part("sqlite", "sqlite", 3_600, 60, "online"),
    Part("sqlite_lapsed_sessions", "sqlite", 1, 1, "offline"),
    Part("postgresql", "postgresql", 3_600, 60, "online"),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.kills")
    parser.add_argument("--kills", type=int, default=_KILLS, help=f"kills in each part (default: {_KILLS})")
    parser.add_argument("--store", choices=["sqlite", "postgresql"], help="only the parts on this store")
    asked = parser.parse_args()
    faults = [play(part, asked.kills) for part in PARTS if asked.store in {None, part.store}]
    sys.exit(1 if any(faults) else 0)


def play(part: Part, kills: int) -> int:
    """Print a line of figures, and every fault on stderr; the number of faults."""
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="kills-") as name,
        _empty_store(part.store, Path(name)) as db,
        endpoint() as platform,
    ):
        platform.up()
        scene = Scene(part, Service(db, Path(name)), platform)
        try:
            lost, twice, wrong = asyncio.run(scene.play(kills))
        finally:
            scene.service.kill()
    crashes = scene.service.crashes
    for fault in (*lost, *twice, *wrong, *crashes):
        print(fault, file=sys.stderr)
    found = {"lost": len(lost), "twice": len(twice), "wrong": len(wrong), "crashes": len(crashes)}
    total = sum(found.values())
    figure = {"name": f"kills_{part.name}", "value": total, "unit": "faults", "at_most": 0, "kills": kills}
    seconds = round(time.monotonic() - began)
    print(json.dumps({**figure, **scene.counts(), **found, "seconds": seconds}), flush=True)
    return total


@contextmanager
def _empty_store(store: str, folder: Path) -> Iterator[str]:
    """The URL of a store that keeps what it has committed, unlike those of the other benchmarks on SQLite."""
    if store == "sqlite":
        yield f"sqlite:///{folder / 'store.db'}"
    else:
        with store_url(store) as url:
            yield url


if __name__ == "__main__":
    main()
