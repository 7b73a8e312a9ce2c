"""The way into the domain for a depot definition: untyped in, typed and sound out, or every fault at once."""

from __future__ import annotations

from collections.abc import Sequence

from depot_sim.domain.configuration.document import SimulationConfigurationDocument
from depot_sim.domain.configuration.validation import Rule, semantic_faults
from depot_sim.domain.kernel.reading import read


def decode_document(raw: object, more_rules: Sequence[Rule] = ()) -> SimulationConfigurationDocument:
    """Read dicts, lists and scalars as a depot. Raises InvalidInput with every fault, structural and semantic."""
    reading = read(raw, SimulationConfigurationDocument)
    if reading.document is not None:
        reading.faults.extend(semantic_faults(reading.document, reading.mended, more_rules))
    reading.faults.raise_if_any()
    assert reading.document is not None, "no document means a fault"
    return reading.document


def decode_recorded(raw: object) -> SimulationConfigurationDocument:
    """Read a document that was accepted before: its structure only, so that stricter rules never lock out old runs."""
    reading = read(raw, SimulationConfigurationDocument)
    reading.faults.raise_if_any()
    assert reading.document is not None, "no document means a fault"
    return reading.document
