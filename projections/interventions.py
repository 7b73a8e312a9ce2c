"""Projector of `interventions`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from depot_sim.application.event_log import Filter, Row
from depot_sim.domain.interaction.override_events import (
    InterventionBegun,
    InterventionEnded,
    OverrideApplied,
    OverrideCleared,
    OverrideExpired,
)
from depot_sim.domain.interaction.overrides import target_of
from depot_sim.domain.kernel.events import decode
from depot_sim.projections.projector import Change, each, topics_of
from depot_sim.read_models import interventions
from depot_sim.read_models.database import Database
from depot_sim.read_models.interventions import Intervention, get_intervention

_CLEARED, _DONE = "cleared", "done"


class InterventionsProjector:
    model = interventions.MODEL
    where = Filter(
        topics=topics_of(OverrideApplied, OverrideExpired, OverrideCleared, InterventionBegun, InterventionEnded)
    )

    def project(self, page: Sequence[Row], before: Database) -> Iterable[Change]:
        fold = _Fold(before)
        each(page, fold.take)
        rows = [msgspec.structs.astuple(one) for one in fold.touched.values()]
        return [Change(interventions.INTERVENTIONS, rows, replace=True)]


class _Fold:
    """Those that the page begins or ends, by id."""

    def __init__(self, before: Database) -> None:
        self.touched: dict[str, Intervention] = {}
        self._before = before

    def take(self, row: Row) -> None:
        match decode(row.topic, row.state):
            case OverrideApplied() as event:
                override = event.override
                self._begin(row, event.override_id, event.at, event.run_id, override.name, override.reason)
            case InterventionBegun() as event:
                self._begin(row, event.intervention_id, event.at, event.run_id, event.name, event.reason)
                if not event.lasts:
                    self._end(row, event.intervention_id, event.at, _DONE)
            case InterventionEnded() as event:
                self._end(row, event.intervention_id, event.at, event.reason.value if event.reason else _CLEARED)
            case OverrideExpired() as event:
                self._end(row, event.override_id, event.at, event.reason.value)
            case OverrideCleared() as event:
                self._end(row, event.override_id, event.at, _CLEARED)

    def _begin(self, row: Row, intervention_id: str, at: int, run_id: str, name: str, reason: str) -> None:
        self.touched[intervention_id] = Intervention(
            intervention_id=intervention_id,
            position=row.position,
            run_id=run_id,
            target=target_of(row.stream),
            name=name,
            reason=reason.replace("\0", "\N{REPLACEMENT CHARACTER}"),
            begun_at=at,
        )

    def _end(self, row: Row, intervention_id: str, at: int, ended_by: str) -> None:
        ended = self.touched.get(intervention_id) or get_intervention(self._before, intervention_id)
        if ended is None:
            raise LookupError(f"{row.stream} never began intervention {intervention_id}")
        ended.ended_at, ended.ended_by = at, ended_by
        self.touched[intervention_id] = ended
