"""What happens to a saved configuration. Each version holds the whole document."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from depot_sim.domain.kernel.events import Event
from depot_sim.domain.kernel.recorded_secrets import shown_document


class ConfigurationCreated(Event, frozen=True, omit_defaults=True):
    """`document` is the definition's normalised JSON, `sha256` that of exactly these bytes."""

    TOPIC: ClassVar[str] = "configuration.created.1"
    SHOWN = shown_document

    name: str
    sha256: str
    document: msgspec.Raw


class ConfigurationRevised(Event, frozen=True, omit_defaults=True):
    """A whole new version; `version` counts from 1, which is the one created."""

    TOPIC: ClassVar[str] = "configuration.revised.1"
    SHOWN = shown_document

    version: int
    name: str
    sha256: str
    document: msgspec.Raw


class ConfigurationArchived(Event, frozen=True, omit_defaults=True):
    """No further versions and no new runs; runs pinned to a version keep it."""

    TOPIC: ClassVar[str] = "configuration.archived.1"
