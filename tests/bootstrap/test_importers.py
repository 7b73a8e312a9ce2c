"""Import options as the control API reads them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from depot_sim.adapters.http import Secrets
from depot_sim.bootstrap.importers import IMPORTERS, GtfsOptions, ImportedDocuments
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.kernel.written_secrets import SecretWritten
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


def given() -> Secrets:
    secrets = Secrets(environment={"DEPOT_SIM_SECRET_A": "value-of-a-secret"})
    secrets.check()
    return secrets


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("application/json", b'{\n"name": "\\u0076alue-of-a-secret"}'),
        ("application/yaml", b'# fine\nname: "value-\\\n  of-a-secret"'),
        ("application/yaml", b"x: 1\nname: value-of-a-secret"),
    ],
)
def test_a_body_with_a_secret_is_refused_with_its_line(media_type: str, body: bytes) -> None:
    secrets = given()
    with pytest.raises(SecretWritten) as error:
        ImportedDocuments(secrets, secrets.written_in).parsers[media_type](body)
    assert [(fault.pointer, fault.line) for fault in error.value.faults] == [("/name", 2)]


def test_a_secret_in_a_comment_is_recorded_nowhere() -> None:
    secrets = given()
    body = b"a: 1 # value-of-a-secret"
    assert ImportedDocuments(secrets, secrets.written_in).parsers["application/yaml"](body).raw == {"a": 1}


def test_an_import_whose_result_holds_a_secret_is_refused() -> None:
    """Whatever the format packs it in, such as the archive of a timetable."""
    secrets = given()
    made = Definition.of(depot() | {"name": "value-of-a-secret"})
    packing = replace(IMPORTERS[0], read=lambda *_: made)
    with pytest.raises(SecretWritten) as error:
        ImportedDocuments(secrets, secrets.written_in).imported(packing, b"", "text/csv", GtfsOptions("name"))
    assert [fault.pointer for fault in error.value.faults] == ["/name"]
