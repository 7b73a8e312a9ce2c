"""Import options as the control API reads them."""

from __future__ import annotations

import json

import pytest

from depot_sim.adapters.http import Secrets
from depot_sim.bootstrap.importers import IMPORTERS, GtfsOptions, ImportedDocuments
from depot_sim.domain.kernel.errors import InvalidInput
from tests.domain.configuration.samples import depot


def test_every_format_says_what_it_is_and_what_it_takes() -> None:
    assert [importer.name for importer in IMPORTERS] == ["block-csv", "gtfs", "legacy-circuits"]
    assert all(importer.summary and importer.media_types and importer.options.__doc__ for importer in IMPORTERS)


def test_a_week_that_is_no_date_is_refused() -> None:
    gtfs = next(importer for importer in IMPORTERS if importer.name == "gtfs")
    with pytest.raises(InvalidInput) as error:
        gtfs.read(b"", "application/zip", GtfsOptions("name", week="next"))
    assert error.value.faults[0].pointer == "/week"


def test_a_document_that_names_another_file_of_the_host_is_refused_with_its_line() -> None:
    documents = ImportedDocuments(Secrets())
    binding = {"family": "packets", "id": "p", "managed_scope": "site", "credentials": {"certificate": "/etc/passwd"}}
    body = json.dumps(depot() | {"projection_bindings": [binding]}, indent=1).encode()
    with pytest.raises(InvalidInput) as error:
        documents.define(documents.parsers["application/json"](body))
    (fault,) = error.value.faults
    assert fault.pointer == "/projection_bindings/0/credentials/certificate"
    assert fault.line > 1


def test_both_formats_of_a_document_are_read() -> None:
    documents = ImportedDocuments(Secrets())
    assert documents.parsers["application/json"](b'{"a": 1}').raw == {"a": 1}
    assert documents.parsers["application/yaml"](b"a: 1").raw == {"a": 1}
