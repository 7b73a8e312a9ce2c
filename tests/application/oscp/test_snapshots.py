"""A session with a long history is loaded from its latest snapshot, and is the same as from its first event."""

from __future__ import annotations

import asyncio

import pytest

from depot_sim.adapters.event_store import EventStore
from depot_sim.application.event_log import Snapshot
from depot_sim.application.oscp.session.sessions import SNAPSHOT_EVERY
from depot_sim.domain.kernel.events import decode
from depot_sim.domain.oscp.session import OscpCapacityProviderSession
from tests.application.oscp.processes import OscpProcess
from tests.application.run.processes import until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def snapshot(process: OscpProcess, session: str, store: EventStore) -> Snapshot:
    """That of a session with more heartbeats than lie between two snapshots."""
    await process.connect(session)
    heartbeat = process.heartbeat()
    stream = process.session(session).stream
    for place in range(SNAPSHOT_EVERY + 20):
        await process.receive("heartbeat", heartbeat, id=f"b-{place}")
    await until(lambda: store.log.latest_snapshot(stream) is not None)
    kept = store.log.latest_snapshot(stream)
    assert kept is not None
    return kept


def folded(store: EventStore, like: OscpCapacityProviderSession) -> OscpCapacityProviderSession:
    """The session by all of its events."""
    attached = like.attached
    session = OscpCapacityProviderSession(attached.run_id, attached.remote_configuration_id)
    session.fold(decode(row.topic, row.state) for row in store.log.read_stream(session.stream))
    return session


async def test_a_session_is_restored_as_its_events_tell(
    snapshot: Snapshot, process: OscpProcess, session: str, store: EventStore
) -> None:
    process.sessions.forget(session)
    loaded = (await process.sessions.get(session)).session
    by_events = folded(store, loaded)
    assert snapshot.version >= SNAPSHOT_EVERY
    assert (loaded.version, loaded.state) == (by_events.version, by_events.state)


async def test_only_what_came_after_the_snapshot_is_read(
    snapshot: Snapshot, process: OscpProcess, session: str, store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []
    read_stream = store.log.read_stream

    def watched(stream: str, *, after: int = 0, **rest: object) -> object:
        read.append((stream, after))
        return read_stream(stream, after=after, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(store.log, "read_stream", watched)
    process.sessions.forget(session)
    await process.sessions.get(session)
    assert (snapshot.stream, snapshot.version) in read


async def test_a_snapshot_of_another_format_is_left_alone(
    snapshot: Snapshot, process: OscpProcess, session: str, store: EventStore
) -> None:
    await asyncio.to_thread(store.log.save_snapshot, snapshot._replace(state=b'{"format":0,"state":{}}'))
    process.sessions.forget(session)
    loaded = (await process.sessions.get(session)).session
    assert loaded.state == folded(store, loaded).state
