"""Messages as overrides and expectations see them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from depot_sim.domain.interaction.message import NOTHING
from tests.domain.scenario.samples import message


def test_numbers_of_a_body_are_exact() -> None:
    assert message(raw=b"[500.0, 0.1, 7]").body == [Decimal("500.0"), Decimal("0.1"), 7]


@pytest.mark.parametrize("raw", [b"", b"{", b"NaN", b"\xff", b'"\xff"', b"[" * 100_000])
def test_of_an_unreadable_body_there_is_nothing(raw: bytes) -> None:
    assert message(raw=raw).body is NOTHING


def test_null_is_something() -> None:
    assert message(raw=b"null").body is None


def test_headers_are_found_in_any_case_and_the_first_one_counts() -> None:
    exchange = message(headers=(("X-Segment-Index", "1"), ("x-segment-index", "2")))

    assert exchange.header("x-SEGMENT-index") == "1"
    assert exchange.header("X-Request-ID") is NOTHING
