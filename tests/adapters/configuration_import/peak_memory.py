"""Measures the peak of memory of what a request makes of its body; every measurement has a process of its own.

Reads {name: [import or "", media type, path of the body, query]} from stdin and writes {name: peak in bytes}.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from depot_sim.adapters.http import Secrets
from depot_sim.bootstrap.importers import IMPORTERS, ImportedDocuments
from depot_sim.bootstrap.msgspec_types import build_types
from depot_sim.domain.kernel.errors import InvalidInput


def peak_bytes(work: Callable[[], object]) -> int:
    """How far the resident memory of a child of this process rises while it does the work."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        try:
            before = _status("VmRSS")
            with suppress(InvalidInput):
                work()
            os.write(writing, str(_status("VmHWM") - before).encode())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    _, status = os.wait()
    assert status == 0, status
    return int(text)


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def _reader(kind: str, media_type: str, body: bytes, query: Mapping[str, Any]) -> Callable[[], object]:
    if not kind:
        documents = ImportedDocuments(Secrets())
        return lambda: documents.define(documents.parsers[media_type](body))
    importer = next(each for each in IMPORTERS if each.name == kind)
    return lambda: importer.read(body, media_type, importer.options(**query))


def main() -> None:
    build_types()
    cases = json.load(sys.stdin).items()
    peaks = {
        name: peak_bytes(_reader(kind, media_type, Path(path).read_bytes(), query))
        for name, (kind, media_type, path, query) in cases
    }
    sys.stdout.write(json.dumps(peaks))


if __name__ == "__main__":
    main()
