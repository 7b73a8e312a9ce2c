"""The protocol families of the product. One line adds a family."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from depot_sim.bootstrap.family import ProtocolFamily
from depot_sim.bootstrap.oscp import OSCP_FAMILY
from depot_sim.bootstrap.packets import PACKETS_FAMILY
from depot_sim.domain.scenario.script_reading import ScriptReader
from depot_sim.read_models.schema import ReadModel
from depot_sim.read_models.shared import SHARED_MODELS

if TYPE_CHECKING:
    from depot_sim.projections.projector import Projector

FAMILIES: tuple[ProtocolFamily, ...] = (
    OSCP_FAMILY,
    PACKETS_FAMILY,
)


def models_of(families: Iterable[ProtocolFamily]) -> tuple[ReadModel, ...]:
    """Every read model of a service with these families."""
    return (*SHARED_MODELS, *(model for family in families for model in family.models))


def projectors_of(families: Iterable[ProtocolFamily]) -> tuple[Projector, ...]:
    """The projector of every read model, in the same order."""
    from depot_sim.projections.shared import SHARED_PROJECTORS

    return (*SHARED_PROJECTORS, *(projector for family in families for projector in family.projectors()))


def script_reader(families: Iterable[ProtocolFamily]) -> ScriptReader:
    """Reads scenarios on targets of these families."""
    return ScriptReader(family.words for family in families)


def load_families(families: Iterable[ProtocolFamily]) -> None:
    """Import everything that a service needs of these families.

    A service does this before it builds the types of msgspec and starts its first thread.
    """
    for family in families:
        family.events()
        family.projectors()
        family.service()


def load_events(families: Iterable[ProtocolFamily]) -> None:
    """Import every event of these families, so that a log can be read."""
    for family in families:
        family.events()
