"""Units as packets write them: UCUM, the SenML registry (RFC 8428 and RFC 8798), and what people write."""

from __future__ import annotations

from decimal import Decimal

_FACTORS = {
    "power": {"W": "1", "kW": "1000", "MW": "1000000"},
    "reactive power": {"var": "1", "kvar": "1000"},
    "energy": {"W.h": "1", "Wh": "1", "kW.h": "1000", "kWh": "1000", "MW.h": "1000000", "MWh": "1000000"},
    "ratio": {"1": "1", "/": "1", "EL": "1", "%": "0.01", "%EL": "0.01"},
    "voltage": {"mV": "0.001", "V": "1", "kV": "1000"},
    "current": {"mA": "0.001", "A": "1"},
    "frequency": {"mHz": "0.001", "Hz": "1"},
    "temperature": {"Cel": "1"},
}
_UNITS = {unit: (name, Decimal(factor)) for name, units in _FACTORS.items() for unit, factor in units.items()}


def same(one: str, other: str) -> bool:
    """Whether both write the same unit: kW.h and kWh, % and %EL."""
    return one == other or (one in _UNITS and _UNITS.get(other) == _UNITS[one])


def convert(value: float, unit: str, wanted: str) -> float | None:
    """The value in the unit that is wanted, or None if the two measure different things. Exact in decimals."""
    if same(unit, wanted):
        return value
    source, target = _UNITS.get(unit), _UNITS.get(wanted)
    if source is None or target is None or source[0] != target[0]:
        return None
    return float(Decimal(str(value)) * source[1] / target[1])
