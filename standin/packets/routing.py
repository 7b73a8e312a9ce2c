"""Which power source a sensor device's values belong to (COR-9): by the depot's assets, the gateway's word last."""

from __future__ import annotations

from collections.abc import Sequence

from depot_sim.standin.packets.settings import AssetKind, PowerSourceAsset


class NoTarget(Exception):
    """Routing finds none, or more than one; nothing may be written anywhere."""


def power_source(
    assets: Sequence[PowerSourceAsset], device: str, circuit: str | None, target: str | None, translated: str | None
) -> str:
    """The target, if it is one; the one on the device's own circuit; the depot's one battery; the translation.

    A depot whose assets are not set up takes the target as it stands, the translation, or the device itself. Raises
    NoTarget.
    """
    if not assets:
        return target or translated or device
    named = [one.id for one in assets if one.id == target]
    on_circuit = [one.id for one in assets if circuit and one.circuit == circuit]
    batteries = [one.id for one in assets if one.kind is AssetKind.BATTERY]
    for found in (named, on_circuit, batteries):
        if len(found) == 1:
            return found[0]
    if translated:
        return translated
    raise NoTarget(
        f"{len(on_circuit)} power sources on circuit {circuit or '(none)'}, {len(batteries)} batteries in all: "
        "link the device to a circuit with one power source, or translate its output"
    )
