"""Numbers of the wire as exact thousandths."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.oscp.wire.quantities import decimal_text, exact, milli

LARGEST = 1_000_000_000_000


@pytest.mark.parametrize(
    ("number", "thousandths"),
    [
        (500, 500_000),
        (Decimal("500.0"), 500_000),
        (Decimal("5E+2"), 500_000),
        (Decimal("-0.25"), -250),
        (Decimal("0.0004"), 0),
        (Decimal("0.0006"), 1),
        (Decimal("-0.0"), 0),
        (Decimal("1E-400"), 0),
        (LARGEST, LARGEST * 1_000),
    ],
)
def test_a_number_is_read_to_the_nearest_thousandth(number: int | Decimal, thousandths: int) -> None:
    assert milli(number) == thousandths


@pytest.mark.parametrize("text", ["1000000000001", "1000000000000.001", "-1E13", "1E400", "1E99999999999999999999"])
def test_a_number_beyond_all_depots_is_none(text: str) -> None:
    assert milli(exact(text)) is None


@given(st.integers(-LARGEST * 1_000, LARGEST * 1_000))
def test_thousandths_written_are_read_back_exactly(thousandths: int) -> None:
    assert milli(Decimal(decimal_text(thousandths))) == thousandths


@pytest.mark.parametrize(("thousandths", "text"), [(500_000, "500.0"), (-250, "-0.25"), (0, "0.0"), (1_001, "1.001")])
def test_a_number_is_written_with_the_digits_it_needs(thousandths: int, text: str) -> None:
    assert decimal_text(thousandths) == text
