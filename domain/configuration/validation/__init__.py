"""What a well-formed document must also mean: references that lead somewhere, one rooted tree, times in order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain

from depot_sim.domain.configuration.document import SimulationConfigurationDocument
from depot_sim.domain.configuration.validation.bounds import check_bounds
from depot_sim.domain.configuration.validation.finding import Finding
from depot_sim.domain.configuration.validation.fleet import check_fleet
from depot_sim.domain.configuration.validation.identities import check_identities
from depot_sim.domain.configuration.validation.projections import check_projections
from depot_sim.domain.configuration.validation.references import check_references
from depot_sim.domain.configuration.validation.site import check_site
from depot_sim.domain.configuration.validation.stays import check_stays
from depot_sim.domain.configuration.validation.topology import NODES, check_topology
from depot_sim.domain.kernel.errors import Fault
from depot_sim.domain.kernel.pointer import item

Rule = Callable[[SimulationConfigurationDocument], Iterable[Finding]]
"""What must hold of a document that is well-formed."""

_RULES: Sequence[Rule] = (
    check_topology,
    check_identities,
    check_references,
    check_bounds,
    check_fleet,
    check_stays,
    check_site,
    check_projections,
)
_IDENTIFYING = {"id", "parent", "connectors", "nodes", "topology"}


def semantic_faults(
    document: SimulationConfigurationDocument, mended: Sequence[str] = (), more_rules: Sequence[Rule] = ()
) -> Iterator[Fault]:
    """Every semantic fault, grouped by rule; `more_rules` come last.

    `mended` are places that hold stand-ins for what was faulty: what would only be said because of those is left out.
    """
    items = {item(pointer) for pointer in mended}
    incomplete = {_list_of(pointer) for pointer in mended if _identifies(pointer)}
    for finding in chain.from_iterable(rule(document) for rule in (*_RULES, *more_rules)):
        if finding.relies_on not in incomplete and items.isdisjoint(_around(finding.fault.pointer)):
            yield finding.fault


def _around(pointer: str) -> Iterator[str]:
    """The top-level entry a pointer lies in, and what holds that."""
    place = item(pointer)
    while place:
        yield place
        place = place.rpartition("/")[0]


def _list_of(pointer: str) -> str:
    return NODES if pointer.startswith("/topology") else f"/{pointer.split('/')[1]}"


def _identifies(pointer: str) -> bool:
    """Without a sound value here it is unknown what the list holds, so that nothing can be called missing from it."""
    last = pointer.rpartition("/")[2]
    return last in _IDENTIFYING or last.isdigit() or pointer.count("/") == 1
