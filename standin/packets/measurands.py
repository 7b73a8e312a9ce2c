"""The contract's measurand table: which keys there are, in which unit, range and words."""

from __future__ import annotations

from msgspec import Struct

AVAILABLE_CHARGING_CAPACITY = "AVAILABLE_CHARGING_CAPACITY"
FAIL_SAFE_CAPACITY = "FAIL_SAFE_CAPACITY"
HEARTBEAT_STATUS = "HEARTBEAT_STATUS"
HEARTBEAT_COUNTER = "HEARTBEAT_COUNTER"
DISPATCH_STATE = "DISPATCH_STATE"
LIMIT_DER_EXPORT = "LIMIT_DER_EXPORT"
SOC = "SOC"
DEVICE_POWER_STATE = "DEVICE_POWER_STATE"
BESS_OPERATIONAL_MODE = "BESS_OPERATIONAL_MODE"
ACTIVE_POWER = "ACTIVE_POWER"
PV_POWER = "PV_POWER"


class Measurand(Struct, frozen=True):
    """A number has a unit and a range, a word has words, a list or a flag has none of them.

    A `nullable` number says by null that there is nothing of the kind: no limit, no setpoint.
    """

    unit: str | None = None
    low: float = 0
    high: float = 0
    words: frozenset[str] = frozenset()
    nullable: bool = False
    flag: bool = False  # may come as true or false, or always does if it has no unit


def _number(unit: str, low: float, high: float, *, nullable: bool = False, flag: bool = False) -> Measurand:
    return Measurand(unit, low, high, nullable=nullable, flag=flag)


def _words(text: str) -> Measurand:
    return Measurand(words=frozenset(text.split()))


_POWER = _number("kW", 0, 100_000)
_SIGNED_POWER = _number("kW", -100_000, 100_000)
_ENERGY = _number("kW.h", 0, 1e9)
_SHARE = _number("%", 0, 100)
_MODES = """
    FAULT UNKNOWN OFF STARTING SHUTTING_DOWN FAIL_SAFE COMMS_LOST INITIALISING LOCAL_CHARGE LOCAL_DISCHARGE LOCAL_IDLE
    DISPATCH_CHARGE DISPATCH_DISCHARGE HOLD_EMPTY HOLD_FULL DISPATCH_HOLD AUTO_CHARGE AUTO_DISCHARGE STANDBY_EMPTY
    STANDBY_FULL STANDBY
"""

MEASURANDS = {
    ACTIVE_POWER: _SIGNED_POWER,
    **{f"ACTIVE_POWER_{phase}": _number("kW", -40_000, 40_000) for phase in ("L1", "L2", "L3")},
    "REACTIVE_POWER": _number("kvar", -100_000, 100_000),
    "POWER_FACTOR": _number("1", -1, 1),
    **{f"VOLTAGE_{one}": _number("V", 0, 300) for one in ("L1N", "L2N", "L3N")},
    "VOLTAGE_L1L2": _number("V", 0, 500),
    **{f"CURRENT_{phase}": _number("A", 0, 10_000) for phase in ("L1", "L2", "L3")},
    "FREQUENCY": _number("Hz", 45, 65),
    "ENERGY_IMPORT": _ENERGY,
    "ENERGY_EXPORT": _ENERGY,
    AVAILABLE_CHARGING_CAPACITY: _POWER,
    FAIL_SAFE_CAPACITY: _POWER,
    HEARTBEAT_STATUS: _words("OK LATE LOST NEVER"),
    HEARTBEAT_COUNTER: _number("1", 0, 65_535),
    DISPATCH_STATE: _words("NONE SCHEDULED ACTIVE COMPLETED REJECTED"),
    "DISPATCH_SETPOINT": _number("kW", -100_000, 100_000, nullable=True),
    LIMIT_DER_EXPORT: _number("kW", 0, 100_000, nullable=True, flag=True),
    SOC: _SHARE,
    "SOH": _SHARE,
    "ENERGY_AVAILABLE": _number("kW.h", 0, 1e6),
    DEVICE_POWER_STATE: _words("OFF STARTING ON SHUTTING_DOWN FAULT UNKNOWN"),
    BESS_OPERATIONAL_MODE: _words(_MODES),
    "BESS_MAX_CHARGE_POWER": _POWER,
    "BESS_MAX_DISCHARGE_POWER": _POWER,
    PV_POWER: _POWER,
    "AMBIENT_TEMPERATURE": _number("Cel", -50, 60),
    "CONTROLLER_MODE": _words("GRID_CONNECTED ISLANDED TRANSITION BLACK_START"),
    "ALARM_CODES": Measurand(),
    # A controller may also state a capability itself (COR-9): true or false.
    "PEAK_SHAVING": Measurand(flag=True),
    "DER": Measurand(flag=True),
}
