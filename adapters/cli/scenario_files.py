"""What a scenario argument may be: a file, or the name of one that comes along."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from depot_sim.adapters.cli.toolbox import Toolbox
from depot_sim.domain.interaction.family import nearest_names
from depot_sim.domain.kernel.errors import NotFound


def load_scenario(toolbox: Toolbox, source: str) -> tuple[Any, str]:
    """A sound document, and where it is from. Raises InvalidInput with every fault, NotFound, OSError."""
    path = Path(source)
    if path.suffix:
        return toolbox.load_scenario(path), "file"
    require_known(toolbox, source)
    return toolbox.scenarios.document(source), f"library:{source}"


def require_known(toolbox: Toolbox, name: str, presets: Sequence[str] = ()) -> None:
    """Raises NotFound that says which names are near."""
    names = (*toolbox.scenarios.names(), *presets)
    if name not in names:
        raise NotFound(f"the library has no scenario {name!r}", nearest_names(name, names))
