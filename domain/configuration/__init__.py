"""SimulationConfiguration: the saved, versioned depot definition that runs are pinned to."""

from domain.configuration.decoding import decode_document, decode_recorded
from domain.configuration.document import SimulationConfigurationDocument

__all__ = ["SimulationConfigurationDocument", "decode_document", "decode_recorded"]
