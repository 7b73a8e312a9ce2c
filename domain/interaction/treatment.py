"""What several hits on one message come to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import cast

import msgspec

from depot_sim.domain.interaction.effects import Distort, Duplicate, Malform, Outcome, Provoke, Reorder, Slot
from depot_sim.domain.interaction.overrides import Hit


class Marks(msgspec.Struct, frozen=True):
    """Which interventions changed a message, by id, and which only matched it: they left it as it would have been."""

    changed: tuple[str, ...] = ()
    matched: tuple[str, ...] = ()

    def __add__(self, other: Marks) -> Marks:
        if other is UNMARKED:
            return self
        return Marks((*self.changed, *other.changed), (*self.matched, *other.matched))


UNMARKED = Marks()


class Treatment(msgspec.Struct, frozen=True):
    """How to treat a message. `hits` are those of all overrides that had a say, the newest first.

    `distort` is to be followed in its order: the override applied first comes first. `singled_out` says that the
    outcome is for this message and not for all of its kind.
    """

    outcome: Outcome | None = None
    singled_out: bool = False
    delay_ms: int = 0
    distort: tuple[Hit, ...] = ()
    malform: Malform | None = None
    duplicate: Duplicate | None = None
    reorder: Reorder | None = None
    provoke: Provoke | None = None
    hits: tuple[Hit, ...] = ()

    def marks(self, idle: Collection[str] = ()) -> Marks:
        """What the ledger tells of the message, where the overrides with the ids in `idle` made no difference to it."""
        changed = [hit.override_id for hit in self.hits if not hit.is_idle and hit.override_id not in idle]
        return Marks(tuple(changed), tuple(hit.override_id for hit in self.hits if hit.override_id not in changed))

    def by(self, slot: Slot) -> tuple[str, ...]:
        """The ids of the overrides that fill this slot."""
        return tuple(hit.override_id for hit in self.hits if hit.effect.SLOT is slot)


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
        distort=tuple(hit for hit in reversed(hits) if isinstance(hit.effect, Distort)),
        malform=cast("Malform | None", by_slot.get(Slot.CONTENT)),
        duplicate=cast("Duplicate | None", by_slot.get(Slot.COPIES)),
        reorder=cast("Reorder | None", by_slot.get(Slot.ORDER)),
        provoke=cast("Provoke | None", by_slot.get(Slot.ALSO)),
        hits=tuple(hits),
    )
