"""External capability status (COR-9): what was reported, appended for ever, and the latest of each capability."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from depot_sim.standin.packets.measurands import BESS_OPERATIONAL_MODE, LIMIT_DER_EXPORT
from depot_sim.standin.packets.packet import Value

_KEPT = 20_000


class Capability(StrEnum):
    """What a microgrid may be doing."""

    PEAK_SHAVING = "PEAK_SHAVING"
    DER = "DER"


class Status(StrEnum):
    """As an operator sees it."""

    ON = "ON"
    OFF = "OFF"


class CapabilityRule(Struct, frozen=True, forbid_unknown_fields=True):
    """ON while the measurand has one of these values, or `on_number` and it is a number; OFF otherwise."""

    capability: Capability
    measurand: str
    on: tuple[bool | str, ...] = ()
    on_number: bool = False

    def status(self, value: Value) -> Status:
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        named = any(type(one) is type(value) and one == value for one in self.on)  # 1 is not true
        return Status.ON if named or (number and self.on_number) else Status.OFF


DEFAULT_RULES = (
    CapabilityRule(Capability.DER, LIMIT_DER_EXPORT, on=(True,), on_number=True),
    CapabilityRule(
        Capability.PEAK_SHAVING,
        BESS_OPERATIONAL_MODE,
        on=("DISPATCH_DISCHARGE", "AUTO_DISCHARGE", "LOCAL_DISCHARGE"),
    ),
    CapabilityRule(Capability.DER, "DER", on=(True,)),
    CapabilityRule(Capability.PEAK_SHAVING, "PEAK_SHAVING", on=(True,)),
)


class StatusReport(Struct, frozen=True, kw_only=True):
    """One accepted update. `at` is the canonical timestamp, `reference` the provider's: the packet id."""

    capability: Capability
    status: Status
    at: datetime
    received_at: datetime
    device: str
    reference: str | None
    measurand: str
    value: Value


@dataclass
class CapabilityLog:
    """The history in the order of arrival, and the latest that each device said, by its own times."""

    history: deque[StatusReport] = field(default_factory=lambda: deque(maxlen=_KEPT))
    said: dict[Capability, dict[str, StatusReport]] = field(default_factory=dict)

    def record(self, report: StatusReport) -> None:
        self.history.append(report)
        said = self.said.setdefault(report.capability, {})
        earlier = said.get(report.device)
        if earlier is None or earlier.at <= report.at:
            said[report.device] = report

    def forget(self, device: str) -> None:
        """The device began anew, and its times with it."""
        for said in self.said.values():
            said.pop(device, None)
