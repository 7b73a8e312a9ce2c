"""A scenario file as a typed document: what it needs of a depot, and what it does when."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from depot_sim.domain.configuration.document import Id
from depot_sim.domain.interaction.expectation_events import Clock
from depot_sim.domain.kernel.quantities import Duration
from depot_sim.domain.run.commands import COMMANDS

OVERRIDE, CLEAR_OVERRIDES, EXPECT = "override", "clear-overrides", "expect"


class EntityKind(StrEnum):
    """Entities of a depot that a name of a scenario may stand for.

    The other kinds of need are the target kinds of protocol families, such as "packet-feed": ends of projections, which
    overrides and expectations are about and the depot itself does not name.
    """

    NODE = "node"
    SCOPE = "scope"
    CONTROLLER = "controller"
    BESS = "bess"
    PV = "pv"
    CHARGER = "charger"
    CONNECTOR = "connector"
    VEHICLE = "vehicle"
    SENSOR = "sensor"


class ScriptDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """`needs` names entities that steps refer to as "$name"; `depot` is an example the scenario was written for.

    Every step has `at`, an optional `note`, and exactly one action. `lasts` is when it is over; left out, with the
    last step. All times count from the scenario's start.
    """

    name: Id
    steps: tuple[dict[str, Any], ...]
    description: str = ""
    depot: str = ""
    needs: dict[str, str] = {}
    lasts: Duration | None = None


class OverrideAction(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Force something on what the target exchanges: a mode by its name, or an effect on messages that match."""

    on: str
    mode: str | None = None
    match: dict[str, Any] | None = None
    effect: dict[str, Any] | None = None
    times: int | None = None


class ClearAction(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """End every override on the target."""

    on: str


class ExpectAction(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Messages that have to come `within` this time, or with `never` must not; on the target's clock unless told."""

    on: str
    messages: tuple[dict[str, Any], ...]
    within: Duration
    clock: Clock = Clock.TARGET
    ordered: bool = False
    never: bool = False
    requires_online: bool = False
    title: str = ""


class Step(NamedTuple):
    """Due `at` ms after the scenario's start. `body` is the action as written, references and all.

    `window` is how long (ms) it expects something by another clock than the wall's, 0 if it does not.
    """

    at: int
    action: str
    body: Mapping[str, Any]
    note: str = ""
    window: int = 0

    @property
    def is_world_command(self) -> bool:
        return self.action in COMMANDS


class Script(NamedTuple):
    """A sound scenario. `ends` is in ms after its start."""

    name: str
    description: str
    depot: str
    needs: Mapping[str, str]
    steps: tuple[Step, ...]
    ends: int

    @property
    def latest_end(self) -> int:
        """When what its steps expect has had its time, too, in ms after its start."""
        return max([self.ends, *(step.at + step.window for step in self.steps)])


def is_reference(value: object) -> bool:
    return isinstance(value, str) and value.startswith("$")


def resolved(value: Any, names: Mapping[str, str]) -> Any:
    """Plain values with every "$name" replaced by what it stands for; names that stand for nothing stay."""
    match value:
        case str() if is_reference(value):
            return names.get(value[1:], value)
        case dict():
            return {key: resolved(held, names) for key, held in value.items()}
        case list() | tuple():
            return [resolved(held, names) for held in value]
    return value
