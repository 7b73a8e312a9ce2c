"""What the command line is given to work with; the composition root fills it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from depot_sim.adapters.cli.arguments import Subcommands
from depot_sim.adapters.cli.run_options import RunOption
from depot_sim.application.clock import BlockingClock
from depot_sim.application.event_log import EventLog, Leases
from depot_sim.application.http import Mask
from depot_sim.application.scenario.library import Library
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.errors import Fault
from depot_sim.domain.kernel.written_secrets import SecretIn
from depot_sim.domain.scenario.script_reading import ScriptReader
from depot_sim.read_models.positions import Position


class Store(Protocol):
    """An open event store."""

    @property
    def log(self) -> EventLog: ...

    @property
    def leases(self) -> Leases: ...


class SqliteLibrary(Protocol):
    """The SQLite library that this process has loaded; as a text it is what a person reads."""

    @property
    def version(self) -> str: ...

    @property
    def wal_reset_fixed(self) -> bool: ...


class CommonJob(Protocol):
    def __call__(self, buses: int, days: int, *, limits: bool) -> Definition: ...


class ImportFormat(StrEnum):
    """What a definition can be made of."""

    YAML = "yaml"
    BLOCK_CSV = "block-csv"
    GTFS = "gtfs"
    LEGACY_CIRCUITS = "legacy-circuits"


class ImportRequest(NamedTuple):
    """`depots` and `energy_column` are for block tables; `routes`, `week` and `block_per_trip` for GTFS feeds."""

    format: ImportFormat
    source: Path
    name: str
    attribution: str = ""
    depots: tuple[str, ...] = ()
    energy_column: str = ""
    routes: tuple[str, ...] = ()
    week: date | None = None
    block_per_trip: bool = False


class ServeRequest(NamedTuple):
    """Port 0 is any free one. `ready_file` gets URL and process id as JSON once the service answers.

    `secrets` is the folder of the secrets that the service is given. `kept_secrets` is the folder for secrets that
    partners give the service; None chooses the default for the store. `limits` are texts "NAME=VALUE".
    `tokens_file` holds tokens, one a line. `opened` names surfaces that take requests without a token.
    X-Forwarded-For is believed from the addresses in `trusted_proxies`.
    """

    db: str
    host: str
    port: int
    tokens: tuple[str, ...]
    ready_file: Path | None
    json_logs: bool
    kept_secrets: Path | None = None
    secrets: Path | None = None
    limits: tuple[str, ...] = ()
    tokens_file: Path | None = None
    opened: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()


class Rebuilt(Protocol):
    """A rebuilt read model. `equal` tells whether old and new rows were the same, None when nobody can tell."""

    @property
    def read_model(self) -> str: ...

    @property
    def position(self) -> int: ...

    @property
    def equal(self) -> bool | None: ...


class ReadModels(Protocol):
    """The read models of the store at a URL."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def rebuild(self, url: str, name: str, *, verify: bool, progress: Callable[[int, int], None]) -> Rebuilt:
        """Build one anew from the log and swap it in while others read."""

    def positions(self, url: str) -> list[Position]:
        """How far each has come."""


class Written(NamedTuple):
    """A document as plain values. `located` gives faults their line and column in it."""

    raw: Any
    located: Callable[[Sequence[Fault]], list[Fault]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Toolbox:
    """What commands need of everything behind them.

    `examples` is the folder of the depots that come along, `name` is how a person calls this command line, `command`
    starts it in a process of its own, `owner` names this process in leases. `family_commands` add the command of each
    protocol family to the parser, by the command's name; `run_options` are those of families for `scenario start`.
    """

    version: str
    store_schema: int
    sqlite: SqliteLibrary
    examples: Path
    name: str
    command: tuple[str, ...]
    owner: str
    clock: BlockingClock
    new_id: Callable[[], str]
    load_definition: Callable[[Path], Definition]
    load_scenario: Callable[[Path], Any]
    """A sound scenario as plain values. Raises InvalidInput with line and column of every fault, OSError."""
    scripts: ScriptReader
    read_document: Callable[[Path], Written]
    """Any JSON or YAML. Raises InvalidInput with line and column of faults of syntax, OSError."""
    scenarios: Library
    common_job: CommonJob
    open_store: Callable[[str], AbstractContextManager[Store]]
    """For writing. Creates the store when there is none; raises StoreInUse when another process writes to the file."""
    open_existing_store: Callable[[str], AbstractContextManager[Store]]
    """For writing. Raises StoreError when there is none, StoreInUse."""
    read_log: Callable[[str], AbstractContextManager[EventLog]]
    """For reading only: changes nothing, and no other process is in the way. Raises StoreError when there is none."""
    read_models: ReadModels
    family_commands: Mapping[str, Callable[[Subcommands], None]]
    run_options: Sequence[RunOption]
    import_definition: Callable[[ImportRequest], Definition]
    secret_in: SecretIn
    """The secret of this environment whose value a text holds; what is loaded here has been checked for them."""
    mask: Mask
    """For errors, which may repeat arguments and files."""
    to_yaml: Callable[[Definition], str]
    serve: Callable[[ServeRequest], None]
    """Returns when it was asked to stop."""
