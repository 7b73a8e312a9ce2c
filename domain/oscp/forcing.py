"""Which messages a forced state changes: those that would go another way in the state it keeps the session from."""

from __future__ import annotations

from depot_sim.domain.interaction.treatment import UNMARKED, Marks
from depot_sim.domain.oscp.lifecycle import PARTNER_MAY_SEND, WE_MAY_SEND, Permission
from depot_sim.domain.oscp.state import SessionState
from depot_sim.domain.oscp.verdict import Verdict
from depot_sim.domain.oscp.vocabulary import MessageType, Outcome

_ALWAYS = Permission(frozenset())


def marks_of_received(state: SessionState, type: MessageType, decided: Verdict) -> Marks:
    """Of the partner's message: it is refused for the forced state, or accepted thanks to it.

    One that something else decides about is only matched.
    """
    allowed = PARTNER_MAY_SEND.get(type, _ALWAYS)
    if state.forced is None or not _makes_a_difference(state, allowed):
        return UNMARKED
    decisive = (
        decided.outcome is Outcome.ACCEPTED if state.lifecycle in allowed.states else decided.rule == allowed.refusal
    )
    by = (state.forced.intervention,)
    return Marks(by) if decisive else Marks((), by)


def allowed_by(state: SessionState, type: MessageType) -> str:
    """The intervention thanks to which the protocol allows this message of ours now, "" when it does so anyway."""
    allowed = WE_MAY_SEND.get(type, _ALWAYS)
    if state.forced is None or state.lifecycle not in allowed.states or not _makes_a_difference(state, allowed):
        return ""
    return state.forced.intervention


def _makes_a_difference(state: SessionState, allowed: Permission) -> bool:
    assert state.forced is not None, "the state is forced"
    return (state.lifecycle in allowed.states) != (state.forced.otherwise in allowed.states)
