"""/simulation-configurations: depot definitions and their versions."""

from __future__ import annotations

import asyncio

import msgspec
from litestar import Response, Router, delete, get, post, put
from litestar.di import NamedDependency
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, SkipValidation

from depot_sim.adapters.control_api.backend import Importer
from depot_sim.adapters.control_api.etags import check_if_match, configuration_etag, is_known
from depot_sim.adapters.control_api.freshness import fresh
from depot_sim.adapters.control_api.problems import UnsupportedMediaType
from depot_sim.adapters.control_api.requests import ApiRequest, query_of
from depot_sim.adapters.control_api.times import wall_time
from depot_sim.adapters.control_api.workers import DEFINITIONS, IMPORTS, MOST_IMPORTS, Places
from depot_sim.application.configuration.service import ConfigurationVersion
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.recorded_secrets import shown_document
from depot_sim.read_models.configurations import MODEL as CONFIGURATIONS
from depot_sim.read_models.configurations import Configuration, list_configurations
from depot_sim.read_models.paging import NEWEST

LARGEST_DEFINITION = 20 * 2**20
TAKES_DEFINITION = {"takes_definition": True}
CONDITIONAL = {"headers": ["If-None-Match"]}


class ConfigurationView(msgspec.Struct, frozen=True):
    """One version of a depot definition, whole. `newest` is the number of the newest version."""

    id: str
    version: int
    newest: int
    archived: bool
    name: str
    sha256: str
    document: msgspec.Raw


class ConfigurationSummary(msgspec.Struct, frozen=True):
    """A configuration without its document. `version` is its newest."""

    id: str
    name: str
    version: int
    archived: bool
    created_at: str
    updated_at: str


class ConfigurationList(msgspec.Struct, frozen=True):
    """The newest first. `next_before` asks for the following page with `before`; null at the end."""

    configurations: list[ConfigurationSummary]
    next_before: int | None


class VersionView(msgspec.Struct, frozen=True):
    """A version without its document."""

    version: int
    name: str
    sha256: str
    recorded_at: str


class VersionList(msgspec.Struct, frozen=True):
    """The oldest first."""

    versions: list[VersionView]


class Verdict(msgspec.Struct, frozen=True):
    """Whether a definition is sound, and every fault if it is not."""

    valid: bool
    faults: tuple[Fault, ...] = ()


class ConfigurationsQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`before` is the `next_before` of the page before."""

    archived: bool | None = None
    before: int | None = None
    limit: int = 100


@post("/", summary="Save a new depot definition", opt=TAKES_DEFINITION)
async def create_configuration(request: ApiRequest) -> Response[ConfigurationView]:
    """JSON or YAML, as docs/configuration.md tells it."""
    return _created(await request.backend.configurations.create(await _definition(request), request.origin))


@get(
    "/",
    name="list_configurations",
    summary="List configurations",
    dependencies={"asked": query_of(ConfigurationsQuery)},
)
async def list_all(
    request: ApiRequest, asked: NamedDependency[SkipValidation[ConfigurationsQuery]]
) -> ConfigurationList:
    """The newest first, without their documents."""
    backend = request.backend

    def read() -> ConfigurationList:
        fresh(backend, CONFIGURATIONS)
        before = NEWEST if asked.before is None else asked.before
        page = list_configurations(
            backend.database(CONFIGURATIONS), archived=asked.archived, before=before, limit=asked.limit
        )
        return ConfigurationList([_summary(each) for each in page.configurations], page.next_before)

    return await asyncio.to_thread(read)


@get("/{configuration_id:str}", summary="Read the newest version", opt=CONDITIONAL)
async def get_configuration(request: ApiRequest, configuration_id: FromPath[str]) -> Response[ConfigurationView]:
    """Its ETag is what a replacement names in If-Match."""
    return _found(request, await request.backend.configurations.get(configuration_id))


@put("/{configuration_id:str}", summary="Replace the newest version", opt=TAKES_DEFINITION | {"headers": ["If-Match"]})
async def replace_configuration(request: ApiRequest, configuration_id: FromPath[str]) -> Response[ConfigurationView]:
    """Needs If-Match with the ETag of the version that was read. A document equal to it makes no new version."""
    service = request.backend.configurations
    newest = await service.get(configuration_id)
    check_if_match(request.headers.get("if-match"), newest, required=True)
    definition = await _definition(request)
    return _answered(await service.revise(configuration_id, definition, newest.version, request.origin), 200)


@delete("/{configuration_id:str}", summary="Archive a configuration", status_code=204, opt={"headers": ["If-Match"]})
async def archive_configuration(request: ApiRequest, configuration_id: FromPath[str]) -> None:
    """No further versions, no new runs; runs that were started on one of its versions keep it."""
    service = request.backend.configurations
    newest = await service.get(configuration_id)
    if_match = request.headers.get("if-match")
    check_if_match(if_match, newest, required=False)
    await service.archive(configuration_id, None if if_match is None else newest.version, request.origin)


@get("/{configuration_id:str}/versions", summary="List the versions of a configuration")
async def list_versions(request: ApiRequest, configuration_id: FromPath[str]) -> VersionList:
    """The oldest first."""
    versions = await request.backend.configurations.versions(configuration_id)
    return VersionList([VersionView(v.version, v.name, v.sha256, wall_time(v.recorded_at)) for v in versions])


@get("/{configuration_id:str}/versions/{version:int}", summary="Read one version", opt=CONDITIONAL)
async def get_version(
    request: ApiRequest, configuration_id: FromPath[str], version: FromPath[int]
) -> Response[ConfigurationView]:
    """A version never changes."""
    return _found(request, await request.backend.configurations.get(configuration_id, version))


@post("/validate", summary="Say what is wrong with a depot definition", status_code=200, opt=TAKES_DEFINITION)
async def validate_configuration(request: ApiRequest) -> Verdict:
    """Saves nothing. A text that is not JSON or YAML at all is a problem, not a verdict."""
    try:
        await _definition(request)
    except InvalidInput as error:
        return Verdict(valid=False, faults=error.faults)
    return Verdict(valid=True)


def import_route(importer: Importer, places: Places) -> HTTPRouteHandler:
    """Imports are different enough to be operations of their own."""

    @post(
        f"/import/{importer.name}",
        name=f"import_{importer.name.replace('-', '_')}",
        summary=f"Import {importer.summary}",
        description="Saves the definition made of the body as a new configuration.",
        dependencies={"asked": query_of(importer.options)},
        opt={"media_types": importer.media_types},
    )
    async def import_configuration(
        request: ApiRequest, asked: NamedDependency[SkipValidation[msgspec.Struct]]
    ) -> Response[ConfigurationView]:
        if request.media_type not in importer.media_types:
            found, expected = request.media_type or "no content type", " or ".join(importer.media_types)
            raise UnsupportedMediaType(f"the body is sent as {found}", f"send it with Content-Type: {expected}")
        async with places.one():
            body = await request.body()
            with request.backend.memory.reserved("the import", importer.cost(body)):
                imported = request.backend.documents.imported
                definition = await IMPORTS.run(imported, importer, body, request.media_type, asked)
        return _created(await request.backend.configurations.create(definition, request.origin))

    return import_configuration


def configuration_routes(importers: tuple[Importer, ...]) -> Router:
    places = Places(MOST_IMPORTS, "imports")
    return Router(
        "/simulation-configurations",
        tags=["Configurations"],
        request_max_body_size=LARGEST_DEFINITION,
        route_handlers=[
            create_configuration,
            list_all,
            get_configuration,
            replace_configuration,
            archive_configuration,
            list_versions,
            get_version,
            validate_configuration,
            *(import_route(importer, places) for importer in importers),
        ],
    )


async def _definition(request: ApiRequest) -> Definition:
    """The depot in the body. A large one takes seconds, so it is made in a thread."""
    parsed = await request.parsed(DEFINITIONS)
    # parsed() has checked that the definition fits, too. What is parsed counts as used now.
    with request.backend.memory.held(request.backend.documents.cost(await request.body())):
        return await DEFINITIONS.run(request.backend.documents.define, parsed)


def _found(request: ApiRequest, version: ConfigurationVersion) -> Response[ConfigurationView]:
    if is_known(request.headers.get("if-none-match"), etag := configuration_etag(version)):
        return Response(None, status_code=304, headers={"ETag": etag})  # type: ignore[arg-type]
    return _answered(version, 200)


def _created(version: ConfigurationVersion) -> Response[ConfigurationView]:
    response = _answered(version, 201)
    response.headers["Location"] = f"/simulation-configurations/{version.id}"
    return response


def _answered(version: ConfigurationVersion, status: int) -> Response[ConfigurationView]:
    definition = version.definition
    view = ConfigurationView(
        id=version.id,
        version=version.version,
        newest=version.newest,
        archived=version.archived,
        name=definition.document.name,
        sha256=definition.sha256,
        document=msgspec.Raw(shown_document(definition.document_json)),
    )
    return Response(view, status_code=status, headers={"ETag": configuration_etag(version)})


def _summary(row: Configuration) -> ConfigurationSummary:
    return ConfigurationSummary(
        row.configuration_id,
        row.name,
        row.version,
        row.archived,
        wall_time(row.created_at),
        wall_time(row.updated_at),
    )
