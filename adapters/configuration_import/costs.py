"""Estimates, before a body is parsed, how much memory it takes while it is parsed, checked and made a definition.

The figures are measured (tests/adapters/configuration_import/test_costs.py) and lie above the measured peaks, for
ordinary documents by a factor of up to 6: what a document costs depends on its faults, too.
"""

from __future__ import annotations

import io
import zipfile

from depot_sim.adapters.configuration_import.legacy_circuits import MOST_CONNECTORS
from depot_sim.adapters.configuration_import.limits import LIMITS

_TEXT_BYTES = 18
"""Of memory for each byte of text: it is there as bytes, as a text of up to 4 bytes a character, and as parts of it."""
_VALUE_BYTES = 150
"""For each value and each name."""
_REPLACED_BYTES = 800
"""More for each entry of a list that is faulty: a complete object takes its place, and its faults are listed."""
_MOST_REPLACED = 100_000
_MARKS = (b",", b":", b"[", b"{", b"\n", b"- ")
"""What begins or ends a value in JSON and YAML."""
_LINE_BYTES = 450
"""For each line of a timetable."""
_BLOCK_BYTES = 4_000
"""For each vehicle block, which becomes a duty of each of its days."""
_TABLE_BYTES = 6
"""Of memory for each byte of a table."""
_SHORTEST_LINE = 16
"""Bytes; an archive's directory tells no number of lines."""
_CONNECTOR_BYTES = 1_000
"""For each connector of a circuit-centric definition."""


def document_cost(body: bytes) -> int:
    """Bytes of memory for a JSON or YAML document."""
    values = sum(map(body.count, _MARKS))
    return _TEXT_BYTES * len(body) + _VALUE_BYTES * values + _REPLACED_BYTES * min(values, _MOST_REPLACED)


def blocks_cost(body: bytes) -> int:
    """Bytes of memory for a table of vehicle blocks."""
    return _TABLE_BYTES * len(body) + _BLOCK_BYTES * body.count(b"\n")


def archive_cost(body: bytes) -> int:
    """Bytes of memory for a zip archive of tables: by the sizes in its directory, which its reader keeps to."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, NotImplementedError):
        return len(body)  # refused before anything is unpacked
    return len(body) + _TABLE_BYTES * unpacked + _LINE_BYTES * unpacked // _SHORTEST_LINE


def circuits_cost(body: bytes) -> int:
    """Bytes of memory for a circuit-centric definition, in which one number stands for many connectors."""
    connectors = min(body.count(b"connectors") * MOST_CONNECTORS, LIMITS.connectors)
    return document_cost(body) + _CONNECTOR_BYTES * connectors
