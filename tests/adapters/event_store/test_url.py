"""Store URLs."""

from __future__ import annotations

from pathlib import Path

import pytest

from depot_sim.adapters.event_store import open_event_store
from depot_sim.adapters.event_store.url import Durability, PostgresUrl, SqliteUrl, parse_store_url
from depot_sim.domain.kernel.errors import InvalidInput

DURABLE, WEAKER = Durability.DURABLE, Durability.MAY_LOSE_LAST_COMMITS

GOOD = [
    ("memory:", SqliteUrl(None, DURABLE)),
    ("sqlite://", SqliteUrl(None, DURABLE)),
    ("sqlite:///depot.db", SqliteUrl(Path("depot.db"), DURABLE)),
    ("sqlite:////var/lib/my%20depot.db", SqliteUrl(Path("/var/lib/my depot.db"), DURABLE)),
    ("sqlite:///depot.db?durability=may_lose_last_commits", SqliteUrl(Path("depot.db"), WEAKER)),
    ("sqlite:///depot.db?durability=durable", SqliteUrl(Path("depot.db"), DURABLE)),
    ("postgresql://me:secret@host:5433/db", PostgresUrl("postgresql://me:secret@host:5433/db", DURABLE)),
    (
        "postgres:///db?host=%2Frun%2Fpg&durability=may_lose_last_commits",
        PostgresUrl("postgresql:///db?host=%2Frun%2Fpg", WEAKER),
    ),
]


@pytest.mark.parametrize(("url", "parsed"), GOOD)
def test_a_good_url_names_a_store(url: str, parsed: SqliteUrl | PostgresUrl) -> None:
    assert parse_store_url(url) == parsed


BAD = [
    "",
    "depot.db",
    "mysql://me:secret@host/db",
    "sqlite://depot.db",
    "sqlite:///depot.db?mode=ro",
    "sqlite:///depot.db#part",
    "sqlite:///depot.db?durability=none",
    "postgresql://me:secret@host/db?durability=",
    "postgresql://[me:secret@host/db",
    "postgresql://me:secret@host/db?no_such_parameter=1",
]


@pytest.mark.parametrize("url", BAD)
def test_a_bad_url_is_invalid_input_that_says_what_would_do_and_no_password(url: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        open_event_store(url)
    (fault,) = refused.value.faults
    assert fault.found
    assert fault.expected
    assert "secret" not in f"{refused.value} {fault}"
