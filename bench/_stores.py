"""Empty event stores to fill, gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.postgres_cluster import cluster


@contextmanager
def store_url(store: str) -> Iterator[str]:
    """Of an empty "sqlite" or "postgresql" store."""
    if store == "sqlite":
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            yield f"sqlite:///{Path(folder) / 'log.db'}?durability=may_lose_last_commits"
    else:
        with cluster(durable=True) as server, server.database() as url:
            yield url
