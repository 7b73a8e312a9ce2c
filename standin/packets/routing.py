"""Which power source a sensor device's values belong to (COR-9): by the depot's assets, the gateway's word last."""

from __future__ import annotations

from standin.packets.configuration import Plan
from standin.packets.settings import AssetKind, Settings


class NoTarget(Exception):
    """Routing finds none, or more than one; nothing may be written anywhere."""


def power_source(settings: Settings, plan: Plan, device: str, target: str | None) -> str:
    """The one on the device's own circuit, then the depot's one battery, then what the gateway translates it to.

    A depot whose assets are not set up takes the target as it stands, or the device itself. Raises NoTarget.
    """
    translated = settings.output_translation.get(device, target)
    if not settings.power_sources:
        return translated or device
    on_circuit = [one.id for one in settings.power_sources if plan.circuit and one.circuit == plan.circuit]
    batteries = [one.id for one in settings.power_sources if one.kind is AssetKind.BATTERY]
    for found in (on_circuit, batteries):
        if len(found) == 1:
            return found[0]
    if translated:
        return translated
    raise NoTarget(
        f"{len(on_circuit)} power sources on circuit {plan.circuit or '(none)'}, {len(batteries)} batteries in all: "
        "link the device to a circuit with one power source, or translate its output"
    )
