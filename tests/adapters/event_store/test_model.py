"""Whatever is done to a log, it answers as a dictionary of lists would."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from depot_sim.adapters.event_store import open_event_store
from depot_sim.application.event_log import Append, Fence, Filter, StreamWrite
from depot_sim.domain.kernel.errors import LeaseLost, VersionConflict
from depot_sim.domain.kernel.events import EncodedEvent
from tests.full_set import examples

STREAMS = ("run-1", "run-2", "config-1")
TOPICS = ("test.a", "test.b")

events = st.lists(st.builds(EncodedEvent, st.sampled_from(TOPICS), st.binary(max_size=4)), max_size=3)
# Versions are given relative to the stream's own: 0 is right, anything else is a conflict.
writes = st.lists(st.tuples(st.sampled_from(STREAMS), st.sampled_from((0, 0, 0, 0, -1, 1)), events), max_size=3)
fences = st.sampled_from((None, None, 0, -1))


class LogMachine(RuleBasedStateMachine):
    """The model: rows in order, the newest version per stream, the newest token."""

    def __init__(self) -> None:
        super().__init__()
        self.store = open_event_store("memory:")
        self.rows: list[tuple[str, int, str, bytes]] = []
        self.token = 0

    def version(self, stream: str) -> int:
        return sum(row[0] == stream for row in self.rows)

    @rule(group=st.lists(st.tuples(writes, fences), min_size=1, max_size=4))
    def append_many(self, group: list[tuple[list[tuple[str, int, list[EncodedEvent]]], int | None]]) -> None:
        appends, expected = [], []
        for wanted, fence in group:
            append, rows, error = self.expect(wanted, fence)
            appends.append(append)
            expected.append(error or len(rows))
            if error is None:
                self.rows += rows
        outcomes = self.store.log.append_many(appends)
        assert [type(o) if isinstance(o, Exception) else len(o) for o in outcomes] == expected

    def expect(
        self, wanted: list[tuple[str, int, list[EncodedEvent]]], fence: int | None
    ) -> tuple[Append, list[tuple[str, int, str, bytes]], type[Exception] | None]:
        """The append, the rows it brings, and the error it meets instead."""
        error: type[Exception] | None = None
        rows: list[tuple[str, int, str, bytes]] = []
        written = []
        for stream, offset, encoded in wanted:
            version = self.version(stream) + sum(row[0] == stream for row in rows)
            written.append(StreamWrite(stream, max(0, version + offset), encoded))
            if max(0, version + offset) != version:
                error = VersionConflict
            rows += [(stream, version + n, *event) for n, event in enumerate(encoded, 1)]
        if fence is not None and (fence or not self.token):
            error = LeaseLost
        append = Append(written, fence=None if fence is None else Fence("run-1", self.token + fence))
        return append, rows, error

    @rule()
    def acquire(self) -> None:
        self.token += 1
        assert self.store.leases.acquire("run-1", "me", 60) == self.token

    @rule(stream=st.sampled_from(STREAMS), after=st.integers(0, 5), limit=st.integers(1, 5))
    def read_stream(self, stream: str, after: int, limit: int) -> None:
        found = [row[1:5] for row in self.store.log.read_stream(stream, after=after, limit=limit)]
        assert found == [row for row in self.rows if row[0] == stream and row[1] > after][:limit]

    @rule(topics=st.sets(st.sampled_from(TOPICS)), streams=st.sets(st.sampled_from(STREAMS)), limit=st.integers(1, 5))
    def read_all(self, topics: set[str], streams: set[str], limit: int) -> None:
        where = Filter(streams=tuple(streams), topics=tuple(topics))
        found = [row[1:5] for row in self.store.log.read_all(0, limit, where)]
        matching = [r for r in self.rows if (not topics or r[2] in topics) and (not streams or r[0] in streams)]
        assert found == matching[:limit]

    @invariant()
    def versions_and_head_agree(self) -> None:
        assert self.store.log.head() == len(self.rows)
        assert all(self.store.log.stream_version(stream) == self.version(stream) for stream in STREAMS)

    def teardown(self) -> None:
        self.store.close()


LogMachine.TestCase.settings = settings(max_examples=examples(40), stateful_step_count=20)
test_the_log_behaves_like_its_model = LogMachine.TestCase
