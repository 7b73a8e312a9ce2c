"""How the platform is set up besides its devices: clocks, limits, what makes a capability ON, and its assets."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from depot_sim.standin.packets.capability import DEFAULT_RULES, CapabilityRule
from depot_sim.standin.packets.measurands import MEASURANDS

Seconds = Annotated[float, Meta(gt=0, le=1e7)]


class Clock(StrEnum):
    """By which time silence and age are judged.

    A simulation's packets name times of its own, that may pass faster or slower than ours. By DEVICE, silence is judged
    by the packets of the one device that speaks for a circuit, so that the outcome does not depend on how fast packets
    come; a device that says nothing at all is then never found silent. By SITE it is, by the packets of all others. By
    ARRIVAL our own clock counts, as with real devices.
    """

    DEVICE = "device"
    SITE = "site"
    ARRIVAL = "arrival"


class AssetKind(StrEnum):
    """What a power source is."""

    BATTERY = "BATTERY"
    PV = "PV"
    GENERATOR = "GENERATOR"


class PowerSourceAsset(Struct, frozen=True, forbid_unknown_fields=True):
    """A power source of the depot, on one of its circuits."""

    id: str
    kind: AssetKind = AssetKind.BATTERY
    circuit: str | None = None


class Alias(Struct, frozen=True, forbid_unknown_fields=True):
    """A measurand under another name, in another unit, with other words, as another profile has it."""

    measurand: str
    unit: str | None = None
    words: dict[str, str] = {}

    def __post_init__(self) -> None:
        if self.measurand not in MEASURANDS:
            raise ValueError(f"there is no measurand {self.measurand}")


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Defaults serve any simulated depot. Without `power_sources` every device that reports one is one.

    `safe_default_kw` is the fail-safe capacity while none is known. `measurands` has, by their names, those that differ
    from the contract's; `fields` has the names of an envelope's fields that do. Packets of devices that are not
    configured are recorded, or refused if `accept_unknown_devices` is false.
    """

    clock: Clock = Clock.DEVICE
    watchdog_seconds: Seconds = 120.0
    fresh_seconds: Seconds = 180.0
    safe_default_kw: Annotated[float, Meta(ge=0)] = 0.0
    capabilities: tuple[CapabilityRule, ...] = DEFAULT_RULES
    power_sources: tuple[PowerSourceAsset, ...] = ()
    measurands: dict[str, Alias] = {}
    fields: dict[str, str] = {}
    accept_unknown_devices: bool = True

    def names(self) -> set[str]:
        """Every name of a measurand."""
        return {*MEASURANDS, *self.measurands}
