"""What a protocol family is to the composition root: a folder in each layer, and one `ProtocolFamily`.

Every command of the command line loads the families, so this module and those with a `ProtocolFamily` import little.
Whatever only a service needs is imported by the functions of the `ProtocolFamily` when they are called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

from depot_sim.adapters.cli.arguments import Subcommands
from depot_sim.adapters.cli.run_options import RunOption
from depot_sim.domain.interaction.family import Family
from depot_sim.read_models.schema import ReadModel

if TYPE_CHECKING:
    from depot_sim.bootstrap.family_parts import FamilyService
    from depot_sim.projections.projector import Projector


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolFamily:
    """`words` are what overrides, expectations and scenarios may say of the family's targets; its name is the family's.

    `events` imports the modules that define the family's events. `models` are its read models, `projectors` imports
    what fills them. `service` imports what the family is in a service. `command` adds the command with the family's
    name to the command line, `run_options` are its options of `scenario start`.
    """

    words: Family
    service: Callable[[], FamilyService]
    events: Callable[[], Sequence[ModuleType]] = tuple
    models: tuple[ReadModel, ...] = ()
    projectors: Callable[[], Sequence[Projector]] = tuple
    command: Callable[[Subcommands], None] | None = None
    run_options: tuple[RunOption, ...] = ()
