"""Small pieces of the state page."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from html import escape


def pill(word: str) -> str:
    return f'<span class="pill {word}">{word.replace("_", " ")}</span>'


def table(rows: Iterable[tuple[str, ...]], head: tuple[str, ...] = ()) -> str:
    """Rows of text, whatever it holds."""
    header = f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in head)}</tr>" if head else ""
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{header}{body}</table>"


def time(instant: datetime | None) -> str:
    return f"{instant:%H:%M:%S}" if instant else "–"


def kw(value: float | None, otherwise: str) -> str:
    return otherwise if value is None else f"{value:,.1f} kW"
