"""Which connector a bus takes: its own, one that is nobody's, or one whose own buses stay away until it has left."""

from __future__ import annotations

from depot_sim.domain.kernel.quantities import MS_PER_MINUTE
from depot_sim.domain.run.events import StopReason
from depot_sim.domain.run.world.state import NEVER, NOBODY, Presence
from depot_sim.domain.run.world.tick_context import TickContext

SWAP_AFTER = 10 * MS_PER_MINUTE


def choose(stage: TickContext, vehicle: int) -> int | None:
    """The connector for a bus that comes in, or None. A bus that is done may stand there still; it has to move away.

    Its own out of order serves when there is no other: charging starts once it is repaired.
    """
    own = stage.depot.vehicles[vehicle].connector
    own_is_free = own is not None and stage.world.connectors[own].vehicle == NOBODY
    if own is not None and own_is_free and stage.trouble(own) is None:
        return own
    other = elsewhere(stage, vehicle)
    return own if other is None and own_is_free else other


def elsewhere(stage: TickContext, vehicle: int) -> int | None:
    """The first free connector in order, rather nobody's than lent; failing that, one whose bus is done charging."""
    lent = done = None
    for connector, state in enumerate(stage.world.connectors):
        is_free = state.vehicle == NOBODY
        if not is_free and (done is not None or state.stop_reason != StopReason.TARGET_REACHED.value):
            continue
        if stage.trouble(connector) is not None or not _may_use(stage, vehicle, connector):
            continue
        if not is_free:
            done = connector
        elif not stage.depot.owners[connector]:
            return connector
        elif lent is None:
            lent = connector
    return done if lent is None else lent


def swap_at(stage: TickContext, connector: int) -> int:
    """When the bus on a charger out of order is to be moved, if there is a place; NEVER when it does not wait there."""
    state = stage.world.connectors[connector]
    charger = stage.world.chargers[stage.depot.connectors[connector].charger]
    if not charger.fault or state.vehicle == NOBODY or not stage.waits_for_power(connector):
        return NEVER
    return max(charger.fault_since, state.since) + SWAP_AFTER


def _may_use(stage: TickContext, vehicle: int, connector: int) -> bool:
    """Whether it is the bus's own, or no bus whose own it is comes back before this one leaves."""
    owners, leaves_at = stage.depot.owners[connector], stage.world.vehicles[vehicle].departs_at
    return vehicle in owners or all(_is_away_until(stage, owner, leaves_at) for owner in owners)


def _is_away_until(stage: TickContext, vehicle: int, moment: int) -> bool:
    state = stage.world.vehicles[vehicle]
    return state.presence is Presence.AWAY and state.returns_at >= moment
