"""How packets and ledger entries name the interventions that had to do with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from depot_sim.adapters.control_api.backend import Backend
from depot_sim.adapters.control_api.freshness import fresh
from depot_sim.read_models.interventions import MODEL, Intervention, interventions_of


class NamedIntervention(msgspec.Struct, frozen=True):
    """An intervention by the name it was given, and by its id, which stays resolvable after its end."""

    id: str
    name: str


class Names:
    """Names interventions by their ids. One that only an older version knew is called by its id."""

    def __init__(self, known: Mapping[str, Intervention]) -> None:
        self._known = known

    def of(self, ids: Iterable[str]) -> tuple[NamedIntervention, ...]:
        known = self._known
        return tuple(NamedIntervention(id, known[id].name if id in known else id) for id in ids)

    def in_force(self, ids: Iterable[str]) -> tuple[NamedIntervention, ...]:
        """Only those that have not ended."""
        return self.of(id for id in ids if id in self._known and not self._known[id].ended_by)


NO_NAMES = Names({})


def names_of(backend: Backend, ids: Iterable[str]) -> Names:
    """The names of these; blocking."""
    wanted = frozenset(ids)
    if not wanted:
        return NO_NAMES
    fresh(backend, MODEL)
    return Names(interventions_of(backend.database(MODEL), wanted))
