"""The event log against the database below it, one JSON line per figure: `python -m bench.event_log`.

Every ratio is taken in one run, the two sides in turn, by CPU seconds of this process and of its PostgreSQL
backends, over the same rows in the same columns at the same durability. Events are encoded and decoded on the
log's side only: that is part of its work.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import msgspec
import psycopg

from depot_sim.adapters.event_store import EventStore, open_event_store
from depot_sim.application.event_log import Append, StreamWrite
from depot_sim.domain.kernel.aggregate import Aggregate
from depot_sim.domain.kernel.events import Event, decode, encode
from tests.postgres_cluster import cluster

SAVES = 60
PER_SAVE = 100
ROUNDS = 7
FOLDED = 50_000
SAVERS = 200

INSERT = "INSERT INTO raw_events (stream, version, topic, state, recorded_at, metadata) VALUES (?, ?, ?, ?, ?, ?)"
COLUMNS = "position, stream, version, topic, state, recorded_at, metadata"


class Sampled(Event, frozen=True):
    """As big as a typical small event: 100 bytes or so of JSON."""

    TOPIC: ClassVar[str] = "bench.Sampled"

    at: int
    connector: str
    energy_wh: int
    power_w: int
    soc_ppm: int


class Totals(msgspec.Struct):
    samples: int = 0
    energy_wh: int = 0
    peak_w: int = 0


def _sampled(totals: Totals, event: Sampled) -> None:
    totals.samples += 1
    totals.energy_wh += event.energy_wh
    totals.peak_w = max(totals.peak_w, event.power_w)


class Meter(Aggregate[Totals]):
    handlers: ClassVar[dict[type[Event], Callable[[Any, Any], None]]] = {Sampled: _sampled}


class Figure(NamedTuple):
    """Seconds of CPU and of wall time."""

    cpu: float
    wall: float


def sample(number: int) -> Sampled:
    return Sampled(
        number * 60_000, f"connector-{number % 40:03}", number % 7919, 150_000 - number % 997, number % 10**6
    )


def report(name: str, value: float, unit: str, ratio: float | None, target: float | None, **more: object) -> None:
    line = {"name": name, "value": round(value), "unit": unit, "ratio": ratio and round(ratio, 2), "target": target}
    print(json.dumps(line | more), flush=True)


class Base(NamedTuple):
    """The database without the log: inserts of one transaction, the rows of one stream, CPU seconds of its servers."""

    insert: Callable[[Sequence[tuple[object, ...]]], object]
    select: Callable[[str], list[Any]]
    served: Callable[[], float]


def measure(base: Base, work: Callable[[], object]) -> Figure:
    wall, cpu = time.perf_counter(), time.process_time() + base.served()
    work()
    return Figure(time.process_time() + base.served() - cpu, time.perf_counter() - wall)


def in_turn(base: Base, ours: Callable[[int], object], theirs: Callable[[int], object]) -> tuple[Figure, float, float]:
    """Median of ours, and the medians of theirs / ours by CPU and by wall time."""
    mine, cpu, wall = [], [], []
    for turn in range(ROUNDS):
        sides = [lambda: ours(turn), lambda: theirs(turn)]  # noqa: B023 - called within the turn
        first, second = (measure(base, side) for side in (sides if turn % 2 else reversed(sides)))
        our, their = (first, second) if turn % 2 else (second, first)
        mine.append(our)
        cpu.append(their.cpu / our.cpu)
        wall.append(their.wall / our.wall)
    middle = Figure(statistics.median(f.cpu for f in mine), statistics.median(f.wall for f in mine))
    return middle, statistics.median(cpu), statistics.median(wall)


def bench_append(database: str, store: EventStore, base: Base, target: float) -> None:
    events = [sample(number) for number in range(PER_SAVE)]
    metadata = b'{"by":"bench"}'
    states = [encode(event).state for event in events]

    def ours(turn: int) -> None:
        for save in range(SAVES):
            version = (turn * SAVES + save) * PER_SAVE
            store.log.append(Append([StreamWrite("run-ours", version, [encode(e) for e in events])], metadata))

    def raw(turn: int) -> None:
        for save in range(SAVES):
            version = (turn * SAVES + save) * PER_SAVE + 1
            rows = [
                ("run-raw-", version + n, Sampled.TOPIC, state, version, metadata) for n, state in enumerate(states)
            ]
            base.insert(rows)

    ours_, cpu, wall = in_turn(base, ours, raw)
    per_second = SAVES * PER_SAVE / ours_.cpu
    report(f"append 100 a save, {database}", per_second, "events/CPU s", cpu, target, wall_ratio=round(wall, 2))


def bench_fold(database: str, store: EventStore, base: Base) -> None:
    for version in range(0, FOLDED, 1000):
        encoded = [encode(sample(number)) for number in range(version, version + 1000)]
        store.log.append(Append([StreamWrite("run-folded", version, encoded)]))

    def fold(_: int) -> None:
        meter = Meter("run-folded", Totals())
        meter.fold(decode(row.topic, row.state) for row in store.log.read_stream("run-folded"))
        assert meter.version == FOLDED

    def rows_alone(_: int) -> None:
        assert len(base.select("run-folded")) == FOLDED

    ours, cpu, wall = in_turn(base, fold, rows_alone)
    report(f"fold, {database}", FOLDED / ours.cpu, "events/CPU s", cpu, 0.4, wall_ratio=round(wall, 2))


def bench_savers(database: str, store: EventStore, base: Base) -> None:
    event = [encode(sample(1))]

    async def save(streams: int, each: int, turn: int) -> None:
        journal = store.journal()

        async def saver(stream: str) -> None:
            for version in range(each):
                await journal.append(Append([StreamWrite(stream, version, event)]))

        await asyncio.gather(*(saver(f"savers-{streams}-{turn}-{number}") for number in range(streams)))
        await journal.close()

    def together(turn: int) -> None:
        asyncio.run(save(SAVERS, 5, turn))

    def serial(turn: int) -> None:
        asyncio.run(save(1, SAVERS, turn))

    ours, cpu, wall = in_turn(base, together, serial)
    rate = SAVERS * 5 / ours.wall
    report(f"{SAVERS} savers, {database}", rate, "events/s", 5 * wall, 5, cpu_ratio=round(5 * cpu, 2))


@contextmanager
def on_sqlite(folder: Path) -> Iterator[tuple[EventStore, Base]]:
    """A durable store, and a plain table in a file of its own."""
    path = folder / "store.db"
    with (
        open_event_store(f"sqlite:///{path}") as store,
        closing(sqlite3.connect(folder / "raw.db", isolation_level=None)) as raw,
        closing(sqlite3.connect(path)) as reader,
    ):
        (schema,) = reader.execute("SELECT sql FROM sqlite_schema WHERE name = 'events'").fetchone()
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute("PRAGMA synchronous = FULL")
        raw.execute(schema.replace("events", "raw_events", 1))

        def insert(rows: Sequence[tuple[object, ...]]) -> None:
            raw.execute("BEGIN IMMEDIATE")
            raw.executemany(INSERT, rows)
            raw.execute("COMMIT")

        def select(stream: str) -> list[Any]:
            return reader.execute(
                f"SELECT {COLUMNS} FROM events WHERE stream = ? ORDER BY version", (stream,)
            ).fetchall()

        yield store, Base(insert, select, lambda: 0.0)


@contextmanager
def on_postgres() -> Iterator[tuple[EventStore, Base]]:
    """A durable server, and a plain table in the same database."""
    with (
        cluster(durable=True) as server,
        server.database() as url,
        open_event_store(url) as store,
        psycopg.connect(url) as raw,
        raw.cursor(binary=True) as cursor,
    ):
        cursor.execute("CREATE TABLE raw_events (LIKE events INCLUDING ALL)")
        raw.commit()

        def insert(rows: Sequence[tuple[object, ...]]) -> None:
            cursor.executemany(INSERT.replace("?", "%s").encode(), rows)
            raw.commit()

        def select(stream: str) -> list[Any]:
            query = f"SELECT {COLUMNS} FROM events WHERE stream = %s ORDER BY version"
            return cursor.execute(query.encode(), (stream,), prepare=True).fetchall()

        yield store, Base(insert, select, lambda: served_seconds(server.home))


def served_seconds(home: Path) -> float:
    """CPU seconds of the server's backends, to the nanosecond, from the kernel's scheduler."""
    postmaster = (home / "data" / "postmaster.pid").read_text(encoding="ascii").partition("\n")[0]
    children = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text(encoding="ascii").split()
    return sum(_scheduled(child) for child in children)


def _scheduled(pid: str) -> float:
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e9
    except FileNotFoundError:
        return 0.0


def main() -> None:
    """SQLite first, then PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, on_sqlite(Path(folder)) as (store, base):
        bench_append("SQLite", store, base, 0.4)
        bench_fold("SQLite", store, base)
        bench_savers("SQLite", store, base)
    with on_postgres() as (store, base):
        bench_append("PostgreSQL", store, base, 0.7)
        bench_fold("PostgreSQL", store, base)
        bench_savers("PostgreSQL", store, base)


if __name__ == "__main__":
    main()
