"""The contract's measurands as a profile in memory: who sends what how often, without files."""

from __future__ import annotations

from pathlib import Path

from domain.packets.contract.scopes import device_types_of
from domain.packets.measurand import Measurand
from domain.packets.modes import ModeTable, read_modes
from domain.packets.packet import Packet
from domain.packets.profile import PacketProfile
from domain.packets.sources import SOURCES

_MODES = Path(__file__).parents[2] / "adapters" / "scenario_library" / "bess_modes.v1.csv"
_SECOND = 1_000
_METER = "site feeder charger bess der"
ROWS: dict[str, tuple[str, int | None, bool]] = {
    "ACTIVE_POWER": (_METER, 10, False),
    **{f"ACTIVE_POWER_L{phase}": ("site feeder charger", 10, False) for phase in (1, 2, 3)},
    "REACTIVE_POWER": ("site feeder bess", 10, False),
    "POWER_FACTOR": ("site feeder charger", 10, False),
    **{f"VOLTAGE_L{phase}N": ("site feeder charger", 10, False) for phase in (1, 2, 3)},
    **{f"VOLTAGE_{pair}": ("site feeder charger", 10, False) for pair in ("L1L2", "L2L3", "L3L1")},
    **{f"CURRENT_L{phase}": ("site feeder charger", 10, False) for phase in (1, 2, 3)},
    "FREQUENCY": ("site", 10, False),
    "ENERGY_IMPORT": ("site feeder charger bess", 60, False),
    "ENERGY_EXPORT": ("site bess der", 60, False),
    "AVAILABLE_CHARGING_CAPACITY": ("site scope", 30, True),
    "FAIL_SAFE_CAPACITY": ("site scope", 300, True),
    "HEARTBEAT_STATUS": ("site bess der", 30, True),
    "HEARTBEAT_COUNTER": ("site bess der", 30, False),
    "DISPATCH_STATE": ("bess der site", 30, True),
    "DISPATCH_SETPOINT": ("bess der", 30, True),
    "LIMIT_DER_EXPORT": ("site der", 60, True),
    "SOC": ("bess vehicle", 30, False),
    "SOH": ("bess vehicle", 3600, False),
    "ENERGY_AVAILABLE": ("bess", 60, False),
    "DEVICE_POWER_STATE": ("bess der site charger", 30, True),
    "BESS_OPERATIONAL_MODE": ("bess", 30, True),
    "BESS_MAX_CHARGE_POWER": ("bess", 60, True),
    "BESS_MAX_DISCHARGE_POWER": ("bess", 60, True),
    "PV_POWER": ("der", 10, False),
    "AMBIENT_TEMPERATURE": ("site", 300, False),
    "CONTROLLER_MODE": ("site", 60, True),
    "ALARM_CODES": ("any", None, True),
}
"""Scopes, cadence in seconds, whether sent on change."""


def modes() -> ModeTable:
    return read_modes(_MODES.read_text(encoding="utf-8"))


def profile() -> PacketProfile:
    measurands = {name: _measurand(name, *row) for name, row in ROWS.items()}
    return PacketProfile(
        name="rows/1",
        description="",
        files={},
        sha256="",
        encoder="full",
        content_type="application/json",
        method="POST",
        measurands=measurands,
        modes=modes(),
        encode=_no_bytes,
        path_of=lambda _: "",
        headers_of=lambda _: (),
    )


def _measurand(name: str, scopes: str, cadence: int | None, on_change: bool) -> Measurand:
    return Measurand(
        key=name,
        source=name,
        dimension=SOURCES[name].dimension,
        device_types=device_types_of(scopes.split(), name),
        cadence_ms=None if cadence is None else cadence * _SECOND,
        on_change=on_change,
    )


def _no_bytes(packet: Packet) -> bytes:
    return packet.packet_id.encode()
