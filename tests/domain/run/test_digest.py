"""What the two hashes of a run depend on."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from depot_sim.domain.kernel.events import encode
from depot_sim.domain.run.digest import RunDigest
from depot_sim.domain.run.events import (
    ClockMode,
    NodeOutageStarted,
    ResumeReason,
    RunClock,
    RunnerLeaseAcquired,
    RunSnapshotTaken,
    SimulationRunResumed,
    SimulationRunStarted,
)

STARTED = SimulationRunStarted(0, "r", "c", 1, msgspec.Raw(b'{"name":"d"}'), 7, "2026-03-02T12:00:00+00:00", 60_000)


def digest(*events: Any) -> RunDigest:
    chain = RunDigest()
    for event in events:
        chain.add(encode(event))
    return chain


@pytest.mark.parametrize(
    "change",
    [
        {"run_id": "other"},
        {"configuration_id": "other"},
        {"configuration_version": 2},
        {"clock": RunClock(ClockMode.REALTIME, 60_000_000)},
    ],
)
def test_ids_and_the_pace_of_wall_time_change_only_the_raw_hash(change: dict[str, Any]) -> None:
    one, other = digest(STARTED), digest(msgspec.structs.replace(STARTED, **change))

    assert one.canonical_sha256 == other.canonical_sha256
    assert one.raw_sha256 != other.raw_sha256


@pytest.mark.parametrize(
    "change", [{"seed": 8}, {"tick_ms": 1_000}, {"disturbances": "typical"}, {"document": msgspec.Raw(b"{}")}]
)
def test_what_the_run_is_about_changes_both_hashes(change: dict[str, Any]) -> None:
    one, other = digest(STARTED), digest(msgspec.structs.replace(STARTED, **change))

    assert one.canonical_sha256 != other.canonical_sha256
    assert one.raw_sha256 != other.raw_sha256


@pytest.mark.parametrize(
    "operation",
    [
        RunnerLeaseAcquired(0, "owner", 3),
        SimulationRunResumed(0, ResumeReason.RESTART),
        RunSnapshotTaken(0, "ab"),
    ],
)
def test_operating_a_run_changes_only_the_raw_hash(operation: Any) -> None:
    outage = NodeOutageStarted(60_000, "grid")
    plain, operated = digest(STARTED, outage), digest(STARTED, operation, outage)

    assert plain.canonical_sha256 == operated.canonical_sha256
    assert plain.raw_sha256 != operated.raw_sha256


def test_the_order_of_events_counts() -> None:
    one, other = NodeOutageStarted(0, "a"), NodeOutageStarted(0, "b")

    assert digest(one, other).canonical_sha256 != digest(other, one).canonical_sha256
