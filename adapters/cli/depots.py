"""What the DEPOT argument may be: a file, an example's name, or the common benchmark job."""

from __future__ import annotations

import re
from pathlib import Path

from depot_sim.adapters.cli.toolbox import Toolbox
from depot_sim.domain.configuration.definition import Definition
from depot_sim.domain.kernel.errors import Fault, InvalidInput, NotFound

EXPLAINED = "a YAML or JSON file, the name of an example, or common-job:BUSES[xDAYS][:no-limits]"
_COMMON_JOB = re.compile(r"common-job:([1-9][0-9]{0,5})(?:x([1-9][0-9]{0,2}))?(:no-limits)?")


def load_depot(toolbox: Toolbox, source: str) -> Definition:
    """Raises InvalidInput with every fault, NotFound for a name that names nothing, OSError for an unreadable file."""
    if source.startswith("common-job"):
        return _common_job(toolbox, source)
    path = Path(source)
    if path.suffix:
        return load_file(toolbox, path)
    if source in example_names(toolbox):
        return load_file(toolbox, toolbox.examples / f"{source}.yaml")
    raise NotFound(f"no depot {source!r}", f"name {EXPLAINED}; examples: {', '.join(example_names(toolbox))}")


def load_file(toolbox: Toolbox, path: Path) -> Definition:
    """Raises InvalidInput, its detail naming the file, and OSError."""
    try:
        return toolbox.load_definition(path)
    except InvalidInput as error:
        raise InvalidInput(error.faults, f"{path}: {error.detail}") from None


def example_names(toolbox: Toolbox) -> list[str]:
    return sorted(path.stem for path in toolbox.examples.glob("*.yaml"))


def _common_job(toolbox: Toolbox, source: str) -> Definition:
    match = _COMMON_JOB.fullmatch(source)
    if match is None:
        raise InvalidInput([Fault("/DEPOT", source, "common-job:BUSES[xDAYS][:no-limits], such as common-job:100x7")])
    return toolbox.common_job(int(match[1]), int(match[2] or 1), limits=match[3] is None)
