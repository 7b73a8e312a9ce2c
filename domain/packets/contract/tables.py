"""CSV as profiles have it: comment lines, one header, rows on one line each; every cell knows where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from depot_sim.domain.kernel.errors import Fault
from depot_sim.domain.kernel.problems import Faults, one_of, quoted

MOST_ROWS = 2_000
_CELL = re.compile(r'"((?:[^"]|"")*)"(?=,|$)|([^",]*)(?=,|$)')


class Cell(msgspec.Struct, frozen=True):
    """`column` counts characters from 1."""

    text: str
    line: int = 0
    column: int = 0


class Row(msgspec.Struct, frozen=True):
    """The cells of one line by the header's names; what is not there reads as empty."""

    file: str
    line: int
    cells: dict[str, Cell]

    def __getitem__(self, name: str) -> Cell:
        return self.cells.get(name) or Cell("", self.line)

    def text(self, name: str) -> str:
        return self[name].text

    def fault(self, name: str, found: str, expected: str) -> Fault:
        """Something wrong in the cell under `name`."""
        cell = self[name]
        return Fault(f"{self.file}/{name}", found, expected, cell.line, cell.column)


def read_table(file: str, text: str, required: Sequence[str], faults: Faults) -> list[Row]:
    """The rows below the header, which must have the required columns. Lines that are no rows are faults."""
    lines = _split(file, text, faults)
    header = next(lines, None)
    if header is None:
        faults.add(file, "no header", f"a line with the columns {', '.join(required)}")
        return []
    names = [cell.text for cell in header]
    if not _check_header(file, header, required, faults):
        return []
    return list(_rows(file, names, lines, faults))


def _check_header(file: str, header: Sequence[Cell], required: Sequence[str], faults: Faults) -> bool:
    names = [cell.text for cell in header]
    missing = [name for name in required if name not in names]
    doubled = [cell for place, cell in enumerate(header) if cell.text in names[:place]]
    line = header[0].line
    if missing:
        faults.append(Fault(file, f"a header without {', '.join(missing)}", f"the columns {', '.join(required)}", line))
    for cell in doubled:
        faults.append(Fault(file, f"the column {quoted(cell.text)} twice", "each column once", line, cell.column))
    return not missing and not doubled


def _rows(file: str, names: Sequence[str], lines: Iterable[Sequence[Cell]], faults: Faults) -> Iterator[Row]:
    for count, cells in enumerate(lines):
        line = cells[0].line
        if count == MOST_ROWS:
            faults.append(Fault(file, f"more than {MOST_ROWS:,} rows", f"at most {MOST_ROWS:,}", line))
            return
        if len(cells) == len(names):
            yield Row(file, line, dict(zip(names, cells, strict=True)))
        else:
            faults.append(Fault(file, f"{len(cells)} cells", f"{len(names)}, as in the header", line))


def _split(file: str, text: str, faults: Faults) -> Iterator[list[Cell]]:
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        cells, end = _cells(line, number)
        if end <= len(line):
            expected = "cells between commas, with quotes around the whole cell or not at all, doubled inside"
            faults.append(Fault(file, quoted(line[max(0, end - 1) :]), expected, number, end))
        else:
            yield cells


def _cells(line: str, number: int) -> tuple[list[Cell], int]:
    """The cells, and the column after the last character that could be read."""
    cells: list[Cell] = []
    at = 0
    while at <= len(line):
        found = _CELL.match(line, at)
        if found is None:
            return cells, at + 1
        quoted_text, plain = found.groups()
        text = plain if quoted_text is None else quoted_text.replace('""', '"')
        cells.append(Cell(text.strip(), number, at + 1))
        at = found.end() + 1
    return cells, at + 1


def choice(row: Row, name: str, allowed: Iterable[str], faults: Faults) -> str | None:
    """The cell's text when it is one of `allowed`; a fault otherwise."""
    allowed = tuple(allowed)
    if row.text(name) in allowed:
        return row.text(name)
    faults.append(row.fault(name, quoted(row.text(name)), one_of(allowed)))
    return None
