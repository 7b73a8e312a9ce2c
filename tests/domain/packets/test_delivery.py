"""What answers mean, and how long to wait after a failure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.packets.delivery import Fate, fate_of, retry_after_ms, retry_ms
from domain.packets.events import FeedPolicy

NOW = 1_775_000_000_000  # 2026-03-31T23:33:20Z
HOUR_MS = 3_600_000


@given(st.integers(0, 999))
def test_every_status_has_a_fate(status: int) -> None:
    expected = Fate.FAILED
    if status // 100 == 2:
        expected = Fate.DELIVERED
    elif status // 100 == 4 and status not in {401, 403, 408, 425, 429}:
        expected = Fate.REJECTED
    assert fate_of(status) is expected


@given(st.integers(), st.integers(0, 10_000), st.integers(1, 10_000))
def test_pauses_double_up_to_the_cap_and_half_of_each_is_drawn(seed: int, seq: int, attempt: int) -> None:
    policy = FeedPolicy(retry_base_ms=500, retry_cap_ms=30_000)
    longest = min(500 * 2 ** min(attempt - 1, 10), 30_000)
    pause = retry_ms(policy, seed % 2**63, "meter", seq, attempt)
    assert longest // 2 <= pause <= longest
    assert pause == retry_ms(policy, seed % 2**63, "meter", seq, attempt)


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
