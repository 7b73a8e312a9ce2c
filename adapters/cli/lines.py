"""What the command line shows of a run, an event and a configuration, whichever source it is read from."""

from __future__ import annotations

import msgspec


class RunLine(msgspec.Struct, frozen=True):
    """`time` is the run's logical time, `started_at` wall time."""

    id: str
    status: str
    configuration_id: str
    configuration_version: int
    name: str
    seed: int
    time: str
    started_at: str


class EventLine(msgspec.Struct, frozen=True):
    """`position` counts the whole log, `version` the run's events; `data` is the event as recorded."""

    position: int
    version: int
    type: str
    recorded_at: str
    data: msgspec.Raw


class ConfigurationLine(msgspec.Struct, frozen=True):
    """One version of a configuration, whole."""

    id: str
    version: int
    newest: int
    archived: bool
    name: str
    sha256: str
    document: msgspec.Raw
