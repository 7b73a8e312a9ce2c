"""What several hits on one message come to."""

from __future__ import annotations

from depot_sim.domain.interaction.effects import Delay, Duplicate, How, Malform, Provoke, Reject, Reorder, Withhold
from depot_sim.domain.interaction.overrides import Overrides
from depot_sim.domain.interaction.treatment import UNTREATED, Marks, treatment
from tests.domain.scenario.samples import message, override


def test_no_hits_leave_a_message_alone() -> None:
    assert treatment(()) is UNTREATED


def test_every_slot_is_filled_by_its_hit_and_delays_are_summed() -> None:
    overrides = Overrides("s")
    effects = (
        *(Reject(), Delay(fixed_ms=3), Malform(How.EMPTY), Duplicate(), Reorder(), Provoke("send-handshake")),
        *(Withhold(), Delay(fixed_ms=4)),
    )
    ids = [overrides.apply(override(effect), 0) for effect in effects]

    treated = treatment(overrides.hit(message(), 0))

    assert treated.outcome == Withhold()
    assert treated.delay_ms == 7
    assert (treated.malform, treated.duplicate) == (Malform(How.EMPTY), Duplicate())
    assert (treated.reorder, treated.provoke) == (Reorder(), Provoke("send-handshake"))
    rejecting, *others, provoking, withholding, later = ids
    assert treated.marks() == Marks((later, withholding, *reversed(others)), (provoking,)), rejecting
    assert treated.marks([later]) == Marks((withholding, *reversed(others)), (later, provoking))
