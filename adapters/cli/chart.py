"""A load curve in the terminal: columns of eighths of a character, the limit as a dotted line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from rich.text import Text

from depot_sim.application.run.load_history import LoadPoint

_EIGHTHS = " ▁▂▃▄▅▆▇█"
_LIMIT = "┄"
_SCALE = 9  # width of the numbers at the left, with their tick


class _Column(NamedTuple):
    load_w: int
    limit_w: int | None


def load_chart(points: Sequence[LoadPoint], start: datetime, *, width: int = 80, height: int = 12) -> Text:
    """The highest load and the lowest limit of each stretch of time."""
    columns = _columns(points, max(10, width - _SCALE - 1))
    top = max([1, *(column.load_w for column in columns), *(column.limit_w or 0 for column in columns)])
    chart = Text(f"{'kW':>{_SCALE - 2}}\n")
    for row in range(height - 1, -1, -1):
        chart.append(f"{_scale(row, height, top):>{_SCALE - 2}} ┤")
        for column in columns:
            chart.append(*_cell(column, row, height, top))
        chart.append("\n")
    chart.append(f"{'0':>{_SCALE - 2}} └{'─' * len(columns)}\n")
    chart.append(" " * (_SCALE - 1) + _hours(points[-1].at, start, len(columns)) + "\n")
    return chart


def _columns(points: Sequence[LoadPoint], count: int) -> list[_Column]:
    span, columns, index = points[-1].at, [], 0
    count = min(count, len(points))
    for number in range(1, count + 1):
        end, first = span * number // count, index
        while index < len(points) and points[index].at <= end:
            index += 1
        inside = points[first:index] or points[max(0, index - 1) : index + 1]
        limits = [point.limit_w for point in inside if point.limit_w is not None]
        columns.append(_Column(max(point.load_w for point in inside), min(limits, default=None)))
    return columns


def _scale(row: int, height: int, top: int) -> str:
    """A number at the top, in the middle and nowhere else."""
    return f"{top * (row + 1) // height // 1_000:,}" if row in (height - 1, height // 2 - 1) else ""


def _cell(column: _Column, row: int, height: int, top: int) -> tuple[str, str]:
    eighths = min(8, max(0, column.load_w * height * 8 // top - row * 8))
    limited = column.limit_w is not None and min(height - 1, column.limit_w * height // top) == row
    over = column.limit_w is not None and column.load_w > column.limit_w
    if limited and eighths < 4:
        return _LIMIT, "yellow"
    return _EIGHTHS[eighths], "red" if over else "green"


def _hours(span: int, start: datetime, width: int) -> str:
    """Times of day below the axis, at a quarter of the span each."""
    line = [" "] * width
    for quarter in range(5):
        label = (start + timedelta(milliseconds=span * quarter // 4)).strftime("%H:%M")
        at = min(max(0, width * quarter // 4 - len(label) // 2), width - len(label))
        line[at : at + len(label)] = label
    return "".join(line).rstrip()
