"""Integers of the world as decimals: exact, against Fraction and Decimal."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from depot_sim.domain.packets.contract.decimals import decimal, decimal_places, decimal_text, scale_of
from depot_sim.domain.packets.contract.units import UNITS, Dimension, Unit, amperes_per_phase
from tests.domain.packets.exact import of_base

_WIDE = Fraction(10**18)
_units = st.sampled_from([unit for units in UNITS.values() for unit in units.values()] + [amperes_per_phase(230)])
_resolutions = st.sampled_from([Fraction(text) for text in ("0.001", "0.1", "0.25", "0.5", "1", "5", "10")])
_bases = st.integers(-(10**15), 10**15)


def _rounded_by_decimal(exact: Fraction, resolution: Fraction) -> Fraction:
    steps = exact / resolution
    whole = (Decimal(steps.numerator) / Decimal(steps.denominator)).quantize(Decimal(1), ROUND_HALF_UP)
    return Fraction(whole) * resolution


@given(_bases, _units, _resolutions)
def test_a_value_is_at_most_half_a_step_from_the_exact_one(base: int, unit: Unit, resolution: Fraction) -> None:
    token, in_range = scale_of(unit, resolution, -_WIDE, _WIDE).token(base)
    assert in_range
    assert abs(Fraction(token) - of_base(unit, base)) * 2 <= resolution
    assert Fraction(token) % resolution == 0


@given(st.integers(-(10**9), 10**9))
def test_halves_are_rounded_away_from_zero_as_decimal_does(base: int) -> None:
    unit, resolution = UNITS[Dimension.POWER]["kW"], Fraction("0.1")
    token, _ = scale_of(unit, resolution, -_WIDE, _WIDE).token(base)
    assert Fraction(token) == _rounded_by_decimal(of_base(unit, base), resolution)


@given(_bases, _units, _resolutions)
def test_a_token_is_a_plain_json_number_without_needless_digits(base: int, unit: Unit, resolution: Fraction) -> None:
    token, _ = scale_of(unit, resolution, -_WIDE, _WIDE).token(base)
    assert Decimal(token).is_finite()
    assert "e" not in token.lower()
    assert token == "0" or not token.startswith(("0", "-0")) or token.lstrip("-").startswith("0.")
    assert "." not in token or not token.endswith(("0", "."))


@given(_bases)
def test_a_value_out_of_range_stops_at_the_bound_and_says_so(base: int) -> None:
    scale = scale_of(UNITS[Dimension.SHARE]["%"], Fraction("0.1"), Fraction(0), Fraction(100))
    token, in_range = scale.token(base)
    assert 0 <= Fraction(token) <= 100
    assert in_range == (0 <= scale.steps(base) <= 1_000)


def test_bounds_between_steps_are_never_crossed() -> None:
    scale = scale_of(UNITS[Dimension.POWER]["W"], Fraction(5), Fraction(-7), Fraction(13))
    assert [scale.token(value)[0] for value in (-100, 100)] == ["-5", "10"]


@pytest.mark.parametrize(
    ("base", "dimension", "unit", "token"),
    [
        (1_234_567, Dimension.POWER, "kW", "1234.6"),
        (-50, Dimension.POWER, "kW", "-0.1"),
        (-49, Dimension.POWER, "kW", "0"),
        (3_600_000_000, Dimension.ENERGY, "kW.h", "1"),
        (555_000, Dimension.SHARE, "%", "55.5"),
        (21_500, Dimension.TEMPERATURE, "[degF]", "70.7"),
        (-40_000, Dimension.TEMPERATURE, "[degF]", "-40"),
        (0, Dimension.TEMPERATURE, "K", "273.2"),
    ],
)
def test_known_values(base: int, dimension: Dimension, unit: str, token: str) -> None:
    scale = scale_of(UNITS[dimension][unit], Fraction("0.1"), -_WIDE, _WIDE)
    assert scale.token(base)[0] == token


@given(st.integers(-(10**12), 10**12), st.integers(0, 9))
def test_digits_and_places_are_read_back(digits: int, places: int) -> None:
    assert Fraction(decimal(digits, places)) == Fraction(digits, 10**places)
    assert Fraction(decimal_text(Fraction(digits, 10**places))) == Fraction(digits, 10**places)


def test_a_fraction_that_no_decimal_writes_is_refused() -> None:
    with pytest.raises(ValueError, match="no decimal"):
        decimal_places(Fraction(1, 3))
