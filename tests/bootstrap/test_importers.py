"""Import options as the control API reads them."""

from __future__ import annotations

import pytest

from adapters.http import Secrets
from bootstrap.importers import IMPORTERS, GtfsOptions, ImportedDocuments
from domain.errors import InvalidInput


def test_every_format_says_what_it_is_and_what_it_takes() -> None:
    assert [importer.name for importer in IMPORTERS] == ["block-csv", "gtfs", "legacy-circuits"]
    assert all(importer.summary and importer.media_types and importer.options.__doc__ for importer in IMPORTERS)


def test_a_week_that_is_no_date_is_refused() -> None:
    gtfs = next(importer for importer in IMPORTERS if importer.name == "gtfs")
    with pytest.raises(InvalidInput) as error:
        gtfs.read(b"", "application/zip", GtfsOptions("name", week="next"))
    assert error.value.faults[0].pointer == "/week"


def test_both_formats_of_a_document_are_read() -> None:
    documents = ImportedDocuments(Secrets())
    assert documents.parsers["application/json"](b'{"a": 1}').raw == {"a": 1}
    assert documents.parsers["application/yaml"](b"a: 1").raw == {"a": 1}
