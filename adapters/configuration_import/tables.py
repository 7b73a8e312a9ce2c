"""CSV tables with named columns, and faults that name their row and column."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation

from depot_sim.adapters.configuration_import.limits import LIMITS, ImportLimits, check
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.pointer import child
from depot_sim.domain.kernel.problems import Faults, quoted

_LARGEST = 10**12
_LINE = re.compile(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+")
_FEWER_LINES = "keep only the rows of your depot"


class Row:
    """One row of a table: texts by column, without surrounding spaces; a column the table lacks reads as ""."""

    __slots__ = ("_columns", "_number", "_table", "_values", "line")

    def __init__(self, table: str, number: int, line: int, columns: Mapping[str, int], values: tuple[str, ...]) -> None:
        self._table = table
        self._number = number
        self.line = line
        self._columns = columns
        self._values = values

    @property
    def pointer(self) -> str:
        return f"/{self._table}/{self._number}"

    def __getitem__(self, column: str) -> str:
        place = self._columns.get(column)
        return "" if place is None else self._values[place]

    def fault(self, column: str, expected: str) -> Fault:
        found = quoted(self[column]) if self[column] else "nothing"
        return Fault(child(self.pointer, column), found, expected, self.line)

    def integer(self, column: str, faults: Faults) -> int | None:
        return self._scaled(column, 1, "a whole number", faults)

    def thousandths(self, column: str, faults: Faults) -> int | None:
        """A number not below zero in thousandths, such as metres from km or Wh from kWh."""
        value = self._scaled(column, 1_000, "a number", faults)
        if value is not None and value < 0:
            faults.append(self.fault(column, "a number not below zero"))
            return None
        return value

    def _scaled(self, column: str, factor: int, expected: str, faults: Faults) -> int | None:
        try:
            number = Decimal(self[column]) * factor
            if abs(number) <= _LARGEST and (factor > 1 or number == number.to_integral_value()):
                return int(number.to_integral_value())
        except (InvalidOperation, ValueError, OverflowError):
            pass
        faults.append(self.fault(column, expected))
        return None


class TableReader:
    """Reads the tables of one source. Lines and values count over all of them, before any of them is parsed."""

    def __init__(self, limits: ImportLimits = LIMITS) -> None:
        self._limits = limits
        self._lines = 0
        self._values = 0

    def read(self, name: str, text: str, required: Sequence[str] = (), optional: Sequence[str] = ()) -> list[Row]:
        """All rows of a CSV with a header, of each the required and the optional columns.

        Raises InvalidInput when it is no such table, lacks a required column, or a limit is passed.
        """
        text = text.removeprefix("\ufeff")
        self._count(name, text)
        reader = csv.reader(map(re.Match.group, _LINE.finditer(text)), skipinitialspace=True, strict=True)
        try:
            header = [column.strip() for column in next(reader, ())]
            check(f"/{name}", len(header), self._limits.columns, "columns", "remove those that are not read")
            missing = [column for column in required if column not in header]
            if missing:
                columns = f"the columns {', '.join(required)}"
                raise InvalidInput([Fault(f"/{name}", f"no column {quoted(each)}", columns, 1) for each in missing])
            places = {column: place for place, column in enumerate(header) if column in {*required, *optional}}
            return list(_rows(name, reader, places))
        except csv.Error as error:
            raise InvalidInput([Fault(f"/{name}", str(error), "a CSV table", reader.line_num)]) from error

    def _count(self, name: str, text: str) -> None:
        self._lines += text.count("\n") + text.count("\r") - text.count("\r\n")
        check(f"/{name}", self._lines, self._limits.lines, "lines of tables", _FEWER_LINES)
        self._values += text.count(",")
        check(f"/{name}", self._values, self._limits.values, "values in tables", _FEWER_LINES)


def _rows(table: str, reader: Iterator[list[str]], places: Mapping[str, int]) -> Iterator[Row]:
    """Equal texts are kept once: in stop_times.txt, most ids come again and again."""
    columns = {column: index for index, column in enumerate(places)}
    known: dict[str, str] = {}
    number = 0
    for cells in reader:
        if not cells:
            continue
        texts = (cells[place].strip() if place < len(cells) else "" for place in places.values())
        values = tuple([known.setdefault(text, text) for text in texts])
        yield Row(table, number, reader.line_num, columns, values)  # type: ignore[attr-defined]
        number += 1
