"""The page about the depot definition is made from its types, and current."""

from __future__ import annotations

from docs.fields import MEANINGS, SECTIONS
from docs.make import PAGE, page


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def test_every_field_is_told_and_no_other() -> None:
    text = page()
    rows = [line for line in text.splitlines() if line.startswith("| `") and not line.startswith("| `family`")]

    assert len(rows) == len(MEANINGS)
    assert text.count("\n## ") == len(SECTIONS)


def test_defaults_name_their_unit() -> None:
    rows = page()

    assert "| `rating` | power (W, kW, MW) | `150 kW` |" in rows
    assert "| `ramp` | share per second (%/s) | `5 %/s` |" in rows
    assert "| `standby` | power (W, kW, MW) | `100 W` |" in rows
