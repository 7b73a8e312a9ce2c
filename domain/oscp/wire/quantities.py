"""Numbers of the wire as the domain holds them: exact integers in thousandths of their unit."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

LARGEST = 10**12
"""Beyond this no power, energy or current of a depot lies."""

_BEYOND = Decimal("Infinity")
_LARGEST_EXPONENT = 12
_SMALLEST_EXPONENT = -4


def exact(text: str) -> Decimal:
    """A JSON number that is no integer, without loss; infinite when even a Decimal cannot hold it."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return _BEYOND


def milli(number: int | Decimal) -> int | None:
    """The number in thousandths, rounded to the nearest; None beyond LARGEST."""
    if isinstance(number, int):
        return number * 1_000 if -LARGEST <= number <= LARGEST else None
    if not number.is_finite() or number.adjusted() > _LARGEST_EXPONENT:
        return None
    if number.adjusted() < _SMALLEST_EXPONENT:
        return 0
    thousandths = int((number * 1_000).to_integral_value(ROUND_HALF_EVEN))
    return thousandths if abs(thousandths) <= LARGEST * 1_000 else None


def decimal_text(thousandths: int) -> str:
    """The exact number with at least one digit after the point: "500.0", "-0.25"."""
    whole, rest = divmod(abs(thousandths), 1_000)
    fraction = f"{rest:03d}".rstrip("0") or "0"
    return f"{'-' if thousandths < 0 else ''}{whole}.{fraction}"
