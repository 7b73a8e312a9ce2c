"""The scenario library, by the same strict reader as everything else that people write."""

from __future__ import annotations

from functools import cache
from typing import Any

from adapters.configuration_import.formats import Format
from adapters.configuration_import.loading import parse
from adapters.scenario_library import ScenarioLibrary


@cache
def scenario_library() -> ScenarioLibrary:
    """One for the whole process."""
    return ScenarioLibrary(_parse)


def _parse(text: bytes) -> Any:
    return parse(text, Format.YAML)[1]
