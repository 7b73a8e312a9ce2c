"""The page about limits names every limit with its default."""

from __future__ import annotations

import re
from pathlib import Path

from depot_sim.bootstrap.limits import LIMITS, ServiceLimits, read_limits

PAGE = (Path(__file__).parents[2] / "docs" / "limits.md").read_text(encoding="utf-8")


def test_the_table_is_that_of_the_service() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| ([0-9]+) \| (\w+) \|", PAGE, re.MULTILINE)
    assert rows == [(limit.name, str(round(getattr(ServiceLimits(), limit.field))), limit.unit) for limit in LIMITS]


def test_the_defaults_can_be_given_as_they_are_written() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| ([0-9]+) \|", PAGE, re.MULTILINE)
    assert read_limits([f"{name}={default}" for name, default in rows]) == ServiceLimits()
