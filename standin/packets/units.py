"""Units as packets write them: UCUM, the SenML registry (RFC 8428 and RFC 8798), and what people write."""

from __future__ import annotations

from decimal import Decimal

_FACTORS = {
    "power": {"mW": "0.001", "W": "1", "kW": "1E3", "MW": "1E6", "GW": "1E9"},
    "reactive power": {"var": "1", "kvar": "1E3", "Mvar": "1E6"},
    "energy": {
        "mJ": "0.001",
        "J": "1",
        "W.s": "1",
        "kJ": "1E3",
        "MJ": "1E6",
        "GJ": "1E9",
        "W.h": "3600",
        "kW.h": "3.6E6",
        "MW.h": "3.6E9",
        "GW.h": "3.6E12",
        "Wh": "3600",
        "kWh": "3.6E6",
        "MWh": "3.6E9",
    },
    "ratio": {
        "1": "1",
        "/": "1",
        "EL": "1",
        "count": "1",
        "%": "0.01",
        "%EL": "0.01",
        "/100": "0.01",
        "/1000": "0.001",
        "[ppth]": "0.001",
        "ppm": "1E-6",
        "[ppm]": "1E-6",
    },
    "voltage": {"mV": "0.001", "V": "1", "kV": "1E3"},
    "current": {"mA": "0.001", "A": "1", "kA": "1E3"},
    "frequency": {"mHz": "0.001", "Hz": "1", "kHz": "1E3"},
    "temperature": {"mCel": "0.001", "Cel": "1"},
}
_UNITS = {unit: (name, Decimal(factor)) for name, units in _FACTORS.items() for unit, factor in units.items()}


def same(one: str, other: str) -> bool:
    """Whether both write the same unit: kW.h and kWh, % and %EL."""
    return one == other or (one in _UNITS and _UNITS.get(other) == _UNITS[one])


def convert(value: float, unit: str, wanted: str) -> float | None:
    """The value in the unit that is wanted, or None if the two measure different things."""
    if same(unit, wanted):
        return value
    source, target = _UNITS.get(unit), _UNITS.get(wanted)
    if source is None or target is None or source[0] != target[0]:
        return None
    return float(Decimal(str(value)) * source[1] / target[1])
