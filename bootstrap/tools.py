"""What the command line works with, put together."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from depot_sim.adapters.cli.toolbox import ImportFormat, ImportRequest, Rebuilt, ServeRequest, Toolbox, Written
from depot_sim.adapters.clock import BlockingSystemClock
from depot_sim.adapters.configuration_import import load
from depot_sim.adapters.configuration_import.common_job import common_job
from depot_sim.adapters.configuration_import.loading import located, parse, refuse_secrets_in
from depot_sim.adapters.configuration_import.yaml_writer import to_yaml
from depot_sim.adapters.event_store import EventStore, open_event_store, read_event_log
from depot_sim.adapters.event_store.sqlite_reader import query_file
from depot_sim.adapters.event_store.sqlite_schema import SCHEMA_VERSION
from depot_sim.adapters.event_store.sqlite_version import loaded_library
from depot_sim.adapters.event_store.url import SqliteUrl, parse_store_url
from depot_sim.adapters.ids import RandomIds
from depot_sim.application.event_log import EventLog
from depot_sim.bootstrap.command_secrets import CommandSecrets
from depot_sim.bootstrap.families import FAMILIES, load_events, models_of, projectors_of, script_reader
from depot_sim.bootstrap.family import ProtocolFamily
from depot_sim.bootstrap.scenarios import load_scenario, scenario_library
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.errors import StoreError
from depot_sim.domain.kernel.written_secrets import SecretIn
from depot_sim.domain.scenario.presets import preset_rule
from depot_sim.read_models.positions import Position, positions

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def toolbox(families: Sequence[ProtocolFamily] = FAMILIES) -> Toolbox:
    """For this process, with the commands and the read models of these protocol families."""
    scripts = script_reader(families)
    secrets = CommandSecrets()
    load_depot = partial(load, more_rules=(preset_rule(scripts),), secret_in=secrets.secret_in)
    return Toolbox(
        version=_version(),
        store_schema=SCHEMA_VERSION,
        sqlite=loaded_library(),
        examples=EXAMPLES,
        name=_name(),
        command=(sys.executable, "-P", "-m", "depot_sim.bootstrap.main"),
        owner=f"{socket.gethostname()}:{os.getpid()}",
        clock=BlockingSystemClock(),
        new_id=RandomIds().new_id,
        load_definition=load_depot,
        load_scenario=partial(load_scenario, scripts, secrets.secret_in),
        scripts=scripts,
        read_document=partial(read_document, secrets.secret_in),
        scenarios=scenario_library(),
        common_job=common_job,
        family_commands={family.words.name: family.command for family in families if family.command is not None},
        run_options=[option for family in families for option in family.run_options],
        import_definition=partial(import_definition, load_depot, secrets.secret_in),
        secret_in=secrets.secret_in,
        mask=secrets.mask,
        to_yaml=to_yaml,
        open_store=open_event_store,
        open_existing_store=open_existing_store,
        read_log=partial(read_log, families),
        read_models=StoredReadModels(families),
        serve=serve,
    )


def open_existing_store(url: str) -> EventStore:
    """As open_event_store, for writing, but a file that does not exist is an error."""
    _require_file(url)
    return open_event_store(url)


def read_log(families: Sequence[ProtocolFamily], url: str) -> AbstractContextManager[EventLog]:
    """As read_event_log, for reading only. Raises StoreError for a file that does not exist."""
    _require_file(url)
    load_events(families)
    return read_event_log(url)


def _require_file(url: str) -> None:
    parsed = parse_store_url(url)
    if isinstance(parsed, SqliteUrl) and parsed.path is not None and not parsed.path.exists():
        raise StoreError(f"there is no database {parsed.path}", "name one that depot-sim run --db or serve has written")


def read_document(secret_in: SecretIn, path: Path) -> Written:
    """A file of plain values, by its suffix. Raises InvalidInput with line and column, SecretWritten, OSError."""
    text, raw = parse(path, secret_in=secret_in)
    return Written(raw, lambda faults: located(tuple(faults), text))


def import_definition(
    load_depot: Callable[[Path], Definition], secret_in: SecretIn, request: ImportRequest
) -> Definition:
    """Raises InvalidInput with every fault, SecretWritten, OSError for a file that cannot be read."""
    if request.format is ImportFormat.YAML:
        return load_depot(request.source)
    return refuse_secrets_in(_IMPORTS[request.format](request), secret_in)


def serve(request: ServeRequest) -> None:
    """Imported late: most commands need no web server."""
    from depot_sim.bootstrap import serve as serving
    from depot_sim.bootstrap.settings import LogFormat, Settings

    settings = Settings(
        db=request.db,
        host=request.host,
        port=request.port,
        tokens=request.tokens,
        tokens_file=request.tokens_file,
        opened=request.opened,
        trusted_proxies=request.trusted_proxies,
        ready_file=request.ready_file,
        kept_secrets=request.kept_secrets,
        secrets=request.secrets,
        limits=request.limits,
        log_format=LogFormat.JSON if request.json_logs else LogFormat.TEXT,
    )
    serving.serve(settings)


class StoredReadModels:
    """The read models beside an event store, opened for each call."""

    def __init__(self, families: Sequence[ProtocolFamily]) -> None:
        self._families = families
        self._models = models_of(families)
        self.names = tuple(model.name for model in self._models)

    def rebuild(self, url: str, name: str, *, verify: bool, progress: Callable[[int, int], None]) -> Rebuilt:
        from depot_sim.adapters.read_store import open_read_store
        from depot_sim.projections.rebuild import rebuild

        projector = next(projector for projector in projectors_of(self._families) if projector.model.name == name)
        with open_existing_store(url) as store, closing(open_read_store(url, [projector.model])) as read_store:
            return rebuild(projector, store.log, read_store[projector.model], verify=verify, progress=progress)

    def positions(self, url: str) -> list[Position]:
        from depot_sim.adapters.read_store import read_marks

        with read_log(self._families, url) as log:
            return positions(read_marks(url, self._models, query_file), log.head())


def _import_blocks(request: ImportRequest) -> Definition:
    from depot_sim.adapters.configuration_import.block_csv import BlockImport, import_blocks
    from depot_sim.adapters.configuration_import.loading import decode_text

    plan = BlockImport(request.name, request.depots, attribution=request.attribution)
    if request.energy_column:
        plan = plan._replace(energy_column=request.energy_column)
    return import_blocks(decode_text(request.source.read_bytes()), plan)


def _import_gtfs(request: ImportRequest) -> Definition:
    from depot_sim.adapters.configuration_import.gtfs import GtfsImport, import_gtfs

    plan = GtfsImport(request.name, request.routes, request.week, request.block_per_trip)
    return import_gtfs(request.source, plan._replace(attribution=request.attribution))


def _import_circuits(request: ImportRequest) -> Definition:
    from depot_sim.adapters.configuration_import.legacy_circuits import import_circuits

    return import_circuits(request.source)


_IMPORTS: dict[ImportFormat, Callable[[ImportRequest], Definition]] = {
    ImportFormat.BLOCK_CSV: _import_blocks,
    ImportFormat.GTFS: _import_gtfs,
    ImportFormat.LEGACY_CIRCUITS: _import_circuits,
}


def _name() -> str:
    """As it was called, unless the shell finds it by itself."""
    called = Path(sys.argv[0])
    if called.name != "depot-sim" or shutil.which("depot-sim") == str(called):
        return "depot-sim"
    return str(called)


def _version() -> str:
    try:
        return version("depot-sim")
    except PackageNotFoundError:
        return "0 (not installed)"
