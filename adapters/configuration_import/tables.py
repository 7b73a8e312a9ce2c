"""CSV tables with named columns, and faults that name their row and column."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from domain.configuration.faults import Faults, quoted
from domain.configuration.pointer import child
from domain.errors import Fault, InvalidInput

_LARGEST = 10**12


class Row:
    """One row of a table: texts by column, without surrounding spaces; a column the table lacks reads as ""."""

    def __init__(self, table: str, number: int, line: int, values: Mapping[str, str]) -> None:
        self.pointer = f"/{table}/{number}"
        self.line = line
        self._values = values

    def __getitem__(self, column: str) -> str:
        return self._values.get(column, "")

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


def read_table(name: str, text: str, required: Iterable[str] = ()) -> list[Row]:
    """All rows of a CSV with a header. Raises InvalidInput when it is no such table or lacks a required column."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), skipinitialspace=True, strict=True)
    try:
        columns = [column.strip() for column in reader.fieldnames or ()]
        missing = [column for column in required if column not in columns]
        if missing:
            faults = [
                Fault(f"/{name}", f"no column {quoted(column)}", f"the columns {', '.join(required)}", 1)
                for column in missing
            ]
            raise InvalidInput(faults)
        reader.fieldnames = columns
        return [Row(name, number, reader.line_num, _values(row)) for number, row in enumerate(reader)]
    except csv.Error as error:
        raise InvalidInput([Fault(f"/{name}", str(error), "a CSV table", reader.line_num)]) from error


def _values(row: Mapping[Any, Any]) -> dict[str, str]:
    return {column: value.strip() for column, value in row.items() if column is not None and isinstance(value, str)}
