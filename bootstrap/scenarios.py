"""The scenario library and scenarios in files, by the same strict reader as everything else that people write."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from depot_sim.adapters.configuration_import.formats import Format
from depot_sim.adapters.configuration_import.loading import located, parse
from depot_sim.adapters.scenario_library import ScenarioLibrary
from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.kernel.written_secrets import SecretIn
from depot_sim.domain.scenario.script_reading import ScriptReader


@cache
def scenario_library() -> ScenarioLibrary:
    """One for the whole process."""
    return ScenarioLibrary(_parse)


def load_scenario(reader: ScriptReader, secret_in: SecretIn, path: Path) -> Any:
    """The scenario in a file, as plain values, once it is sound.

    Raises InvalidInput with line and column, SecretWritten, OSError.
    """
    text, raw = parse(path, secret_in=secret_in)
    try:
        reader.read(raw)
    except InvalidInput as error:
        raise InvalidInput(located(error.faults, text), f"{path}: {error.detail}") from None
    return raw


def _parse(text: bytes) -> Any:
    return parse(text, Format.YAML)[1]
