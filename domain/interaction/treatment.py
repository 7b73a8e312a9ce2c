"""What several hits on one message come to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import msgspec

from depot_sim.domain.interaction.effects import Distort, Duplicate, Malform, Outcome, Provoke, Reorder, Slot
from depot_sim.domain.interaction.overrides import Hit


class Treatment(msgspec.Struct, frozen=True):
    """How to treat a message. `overrides` are the ids of all that had a say, for the ledger.

    `distort` is to be followed in its order: the override applied first comes first. `singled_out` says that the
    outcome is for this message and not for all of its kind.
    """

    outcome: Outcome | None = None
    singled_out: bool = False
    delay_ms: int = 0
    distort: tuple[Distort, ...] = ()
    malform: Malform | None = None
    duplicate: Duplicate | None = None
    reorder: Reorder | None = None
    provoke: Provoke | None = None
    overrides: tuple[str, ...] = ()


UNTREATED = Treatment()


def treatment(hits: Sequence[Hit]) -> Treatment:
    """Combine what `Overrides.hit` returned."""
    if not hits:
        return UNTREATED
    by_slot = {hit.effect.SLOT: hit.effect for hit in hits}
    singled_out = any(hit.singled_out for hit in hits if hit.effect.SLOT is Slot.OUTCOME)
    return Treatment(
        outcome=cast("Outcome | None", by_slot.get(Slot.OUTCOME)),
        singled_out=singled_out,
        delay_ms=sum(hit.delay_ms for hit in hits),
        distort=tuple(hit.effect for hit in reversed(hits) if isinstance(hit.effect, Distort)),
        malform=cast("Malform | None", by_slot.get(Slot.CONTENT)),
        duplicate=cast("Duplicate | None", by_slot.get(Slot.COPIES)),
        reorder=cast("Reorder | None", by_slot.get(Slot.ORDER)),
        provoke=cast("Provoke | None", by_slot.get(Slot.ALSO)),
        overrides=tuple(hit.override_id for hit in hits),
    )
