"""The import formats as the control API offers them: what may be said in the query, and how a body is read."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import date
from functools import partial
from pathlib import Path

import msgspec

from depot_sim.adapters.configuration_import.block_csv import BlockImport, import_blocks
from depot_sim.adapters.configuration_import.costs import archive_cost, blocks_cost, circuits_cost, document_cost
from depot_sim.adapters.configuration_import.formats import Format
from depot_sim.adapters.configuration_import.gtfs import GtfsImport, import_gtfs
from depot_sim.adapters.configuration_import.legacy_circuits import import_circuits
from depot_sim.adapters.configuration_import.loading import (
    decode_text,
    define,
    located,
    parse,
    refuse_secrets_in,
)
from depot_sim.adapters.configuration_import.site import SitePlan
from depot_sim.adapters.control_api import Importer, Parsed
from depot_sim.application.credentials import document_faults
from depot_sim.application.http import SecretStore
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.configuration.validation import Rule
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.quantities import Consumption, Energy, Power
from depot_sim.domain.kernel.written_secrets import SecretIn, no_secret_in

_FORMATS = {
    "application/json": Format.JSON,
    "application/yaml": Format.YAML,
    "application/x-yaml": Format.YAML,
    "text/yaml": Format.YAML,
}


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all import options."""


class SiteOptions(Options, frozen=True):
    """`chargers` is how many there are, by default one per bus; `limit_per_bus` makes the grid connection's limit."""

    name: str
    attribution: str = ""
    layover_min: int = 30
    chargers: int | None = None
    charger_rating: Power = SitePlan().charger_rating
    limit_per_bus: Power | None = SitePlan().limit_per_bus

    def site(self) -> SitePlan:
        return SitePlan(self.chargers, self.charger_rating, self.limit_per_bus)


class BlockOptions(SiteOptions, frozen=True):
    """`depots` are codes of the table's depot column and may be repeated; `energy_column` is what a block takes."""

    depots: tuple[str, ...] = ()
    energy_column: str = "kwh_avg_gen3"


class GtfsOptions(SiteOptions, frozen=True):
    """`routes` keeps only these route ids; `week` is a Monday such as 2026-03-02, by default the feed's first."""

    routes: tuple[str, ...] = ()
    week: str | None = None
    block_per_trip: bool = False
    battery: Energy = Energy.parse("400 kWh")
    consumption: Consumption = Consumption.parse("1.2 kWh/km")


class CircuitOptions(Options, frozen=True):
    """Nothing can be chosen."""


class ImportedDocuments:
    """Depot definitions and other bodies, by the importers' own strict readers.

    `secrets` are those that a definition's credentials may name. No body may hold a secret that `secret_in` knows.
    A definition is checked by `rules` besides its own.
    """

    def __init__(self, secrets: SecretStore, secret_in: SecretIn = no_secret_in, rules: Sequence[Rule] = ()) -> None:
        self._secrets = secrets
        self._secret_in = secret_in
        self._rules = rules
        self.parsers = {media_type: partial(self._parse, text_format) for media_type, text_format in _FORMATS.items()}

    def cost(self, body: bytes) -> int:
        return document_cost(body)

    def define(self, parsed: Parsed) -> Definition:
        definition = define(parsed.raw, parsed.text, self._rules)
        faults = tuple(document_faults(definition.document, self._secrets))
        if faults:
            raise InvalidInput(self.located(faults, parsed.text))
        return definition

    def imported(self, importer: Importer, body: bytes, media_type: str, options: msgspec.Struct) -> Definition:
        return refuse_secrets_in(importer.read(body, media_type, options), self._secret_in)

    def located(self, faults: Sequence[Fault], text: str) -> list[Fault]:
        return located(tuple(faults), text)

    def _parse(self, text_format: Format, body: bytes) -> Parsed:
        return Parsed(*parse(body, text_format, self._secret_in))


def _read_blocks(body: bytes, _: str, options: BlockOptions) -> Definition:
    plan = BlockImport(
        options.name,
        options.depots,
        attribution=options.attribution,
        energy_column=options.energy_column,
        layover_min=options.layover_min,
        site=options.site(),
    )
    return import_blocks(decode_text(body), plan)


def _read_gtfs(body: bytes, _: str, options: GtfsOptions) -> Definition:
    plan = GtfsImport(
        name=options.name,
        routes=options.routes,
        week=_monday(options.week),
        block_per_trip=options.block_per_trip,
        battery=options.battery,
        consumption=options.consumption,
        layover_min=options.layover_min,
        site=options.site(),
        attribution=options.attribution,
    )
    with tempfile.NamedTemporaryFile(suffix=".zip") as file:
        file.write(body)
        file.flush()
        return import_gtfs(Path(file.name), plan)


def _read_circuits(body: bytes, media_type: str, _: CircuitOptions) -> Definition:
    return import_circuits(body, _FORMATS[media_type])


def _monday(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput([Fault("/week", repr(text), "a Monday such as 2026-03-02")]) from None


IMPORTERS = (
    Importer("block-csv", "a table of vehicle blocks", ("text/csv",), BlockOptions, _read_blocks, blocks_cost),
    Importer(
        "gtfs",
        "a bus timetable with blocks, as a GTFS archive",
        ("application/zip",),
        GtfsOptions,
        _read_gtfs,
        archive_cost,
    ),
    Importer(
        "legacy-circuits",
        "an older, circuit-centric definition",
        tuple(_FORMATS),
        CircuitOptions,
        _read_circuits,
        circuits_cost,
    ),
)
