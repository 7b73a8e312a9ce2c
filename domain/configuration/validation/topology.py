"""The electrical topology is one tree: one root, every parent there, no cycle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from depot_sim.domain.configuration.document import Node, SimulationConfigurationDocument
from depot_sim.domain.configuration.validation.finding import Finding, finding
from depot_sim.domain.kernel.problems import quoted

NODES = "/topology/nodes"
DEEPEST = 64


def check_topology(document: SimulationConfigurationDocument) -> Iterator[Finding]:
    nodes = document.topology.nodes
    yield from _roots(nodes)
    yield from _parents(nodes)
    cycles = list(_cycles(nodes))
    yield from cycles or _depth(nodes)


def _roots(nodes: Sequence[Node]) -> Iterator[Finding]:
    roots = [index for index, node in enumerate(nodes) if node.parent is None]
    if not roots:
        found = "no node without a parent" if nodes else "no nodes"
        yield finding(NODES, found, "one root: a node without a parent", NODES)
    for index in roots[1:]:
        expected = f"a parent, because {quoted(nodes[roots[0]].id)} is the root already"
        yield finding(f"{NODES}/{index}/parent", "a second root", expected, NODES)


def _parents(nodes: Sequence[Node]) -> Iterator[Finding]:
    known = {node.id for node in nodes}
    for index, node in enumerate(nodes):
        if node.parent is not None and node.parent not in known:
            yield finding(f"{NODES}/{index}/parent", quoted(node.parent), "the id of a node", NODES)


def _cycles(nodes: Sequence[Node]) -> Iterator[Finding]:
    """One finding per cycle, at its first node in document order."""
    places = _places(nodes)
    settled: set[str] = set()
    for node in nodes:
        path: dict[str, None] = {}
        at: str | None = node.id
        while at in places and at not in settled and at not in path:
            path[at] = None
            at = nodes[places[at]].parent
        settled.update(path)
        if at in path:
            members = list(path)
            yield _cycle(members[members.index(at) :], places)


def _cycle(members: Sequence[str], places: Mapping[str, int]) -> Finding:
    first = min(members, key=places.__getitem__)
    at = members.index(first)
    round_trip = [*members[at:], *members[:at], first]
    shown = round_trip if len(round_trip) <= 8 else [*round_trip[:7], "…"]
    pointer = f"{NODES}/{places[first]}/parent"
    return finding(pointer, f"the cycle {' → '.join(shown)}", "parents that lead to the root", NODES)


def _depth(nodes: Sequence[Node]) -> Iterator[Finding]:
    """Of a tree without cycles: at most one finding, at the first node that lies too deep."""
    places = _places(nodes)
    for index, node in enumerate(nodes):
        at, levels = node.parent, 1
        while at in places and levels <= DEEPEST:
            at, levels = nodes[places[at]].parent, levels + 1
        if levels > DEEPEST:
            yield finding(f"{NODES}/{index}/parent", f"more than {DEEPEST} levels", f"at most {DEEPEST} levels", NODES)
            return


def _places(nodes: Sequence[Node]) -> dict[str, int]:
    """Index by id; of two nodes with one id, the first."""
    return {node.id: index for index, node in reversed(list(enumerate(nodes)))}
