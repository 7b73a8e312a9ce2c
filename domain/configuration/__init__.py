"""SimulationConfiguration: the saved, versioned depot definition that runs are pinned to."""

from domain.configuration.aggregate import SimulationConfiguration
from domain.configuration.decoding import decode_document, decode_recorded
from domain.configuration.definition import Definition
from domain.configuration.document import SimulationConfigurationDocument

__all__ = [
    "Definition",
    "SimulationConfiguration",
    "SimulationConfigurationDocument",
    "decode_document",
    "decode_recorded",
]
