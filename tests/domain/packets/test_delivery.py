"""What answers mean, and how long to wait after a failure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.packets.delivery import Fate, fate_of, retry_after_ms, retry_ms
from depot_sim.domain.packets.events import FeedPolicy

NOW = 1_775_000_000_000  # 2026-03-31T23:33:20Z
HOUR_MS = 3_600_000


def test_every_status_has_a_fate() -> None:
    """All of them: a sample misses one of the five 4xx that are tried again."""
    expected = dict.fromkeys(range(1_000), Fate.FAILED)
    expected |= dict.fromkeys(range(200, 300), Fate.DELIVERED)
    expected |= dict.fromkeys(range(400, 500), Fate.REJECTED)
    expected |= dict.fromkeys((401, 403, 408, 425, 429), Fate.FAILED)
    assert {status: fate_of(status) for status in expected} == expected


@given(st.integers(), st.integers(0, 10_000), st.integers(1, 10_000))
def test_pauses_double_up_to_the_cap_and_half_of_each_is_drawn(seed: int, seq: int, attempt: int) -> None:
    policy = FeedPolicy(retry_base_ms=500, retry_cap_ms=30_000)
    longest = min(500 * 2 ** min(attempt - 1, 10), 30_000)
    pause = retry_ms(policy, seed % 2**63, "meter", seq, attempt)
    assert longest // 2 <= pause <= longest
    assert pause == retry_ms(policy, seed % 2**63, "meter", seq, attempt)


@pytest.mark.parametrize("attempt", [1, 2, 5, 40])
def test_devices_that_fail_together_come_back_spread_over_the_whole_half(attempt: int) -> None:
    """At every attempt, the first one too: a platform that comes back is not met by all devices at once."""
    policy = FeedPolicy(retry_base_ms=1_000, retry_cap_ms=16_000)
    longest = min(1_000 * 2 ** (attempt - 1), 16_000)
    pauses = [retry_ms(policy, 7, f"meter-{number}", 1, attempt) for number in range(400)]
    quarters = [(pause - longest // 2) * 4 // (longest // 2 + 1) for pause in pauses]
    assert all(60 < quarters.count(quarter) < 140 for quarter in range(4))
    assert len(set(pauses)) > 200


def test_the_pause_is_drawn_anew_for_every_seed_device_packet_and_attempt() -> None:
    policy = FeedPolicy(retry_base_ms=10**6, retry_cap_ms=10**6)
    draws = {
        retry_ms(policy, seed, device, seq, attempt)
        for seed in (1, 2)
        for device in ("a", "b")
        for seq in (1, 2)
        for attempt in (1, 2)
    }
    assert len(draws) == 16


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("", 0),
        ("0", 0),
        ("120", 120_000),
        (" 7 ", 7_000),
        ("99999999999999", HOUR_MS),
        ("-5", 0),
        ("1.5", 0),
        ("soon", 0),
        ("٣", 0),
        ("Tue, 31 Mar 2026 23:34:20 GMT", 60_000),
        ("Tue, 31 Mar 2026 23:34:20 -0000", 60_000),
        ("Tue, 31 Mar 2026 23:30:00 GMT", 0),
        ("Tue, 31 Mar 2099 23:30:00 GMT", HOUR_MS),
    ],
)
def test_retry_after_is_honoured_as_far_as_it_can_be_read_and_believed(asked: str, expected: int) -> None:
    assert retry_after_ms([("Date", "x"), ("retry-AFTER", asked)], NOW) == expected


def test_without_the_header_there_is_no_wait() -> None:
    assert retry_after_ms([], NOW) == 0
