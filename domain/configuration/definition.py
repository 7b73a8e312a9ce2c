"""A depot definition as it is kept: the JSON that was given, and what it means."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from depot_sim.domain.configuration.decoding import decode_document, decode_recorded
from depot_sim.domain.configuration.document import SimulationConfigurationDocument
from depot_sim.domain.configuration.validation import Rule


class Definition(NamedTuple):
    """`document_json` is what was given, normalised: compact JSON, fields in the order given, no default filled in."""

    document_json: bytes
    document: SimulationConfigurationDocument

    @classmethod
    def of(cls, raw: object, more_rules: Sequence[Rule] = ()) -> Definition:
        """From dicts, lists and scalars. Raises InvalidInput with every fault.

        `more_rules` are those of other contexts, such as scenarios among the presets.
        """
        document = decode_document(raw, more_rules)
        return cls(msgspec.json.encode(raw), document)

    @classmethod
    def recorded(cls, document_json: bytes) -> Definition:
        """From JSON that was accepted before, whatever rules have been added since."""
        return cls(bytes(document_json), decode_recorded(msgspec.json.decode(document_json)))

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.document_json).hexdigest()
