"""Interventions: overrides, what commands switch, and what happens to both.

Every `at` is on the target's own clock, in ms since 1970 UTC.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

import msgspec

from depot_sim.domain.interaction.effects import AnyEffect
from depot_sim.domain.interaction.matching import Pattern
from depot_sim.domain.kernel.events import Event


class Match(Pattern, frozen=True, omit_defaults=True):
    """With `nth`, only the n-th message the pattern matches from the override's beginning on.

    With `one_in`, only one in so many, drawn from the override's seed.
    """

    nth: int | None = None
    one_in: int | None = None


class Override(msgspec.Struct, frozen=True, omit_defaults=True):
    """A forced behaviour. It ends at `until`, after `times` hits, or when it is cleared, whichever comes first.

    `mode` is the preset it came from. `seed` makes drawn delays repeatable. `reason` is why somebody wanted it.
    """

    match: Match
    effect: AnyEffect
    until: int
    times: int | None = None
    mode: str = ""
    seed: int = 0
    reason: str = ""

    @property
    def name(self) -> str:
        """Of the intervention that it is: its mode, or the kind of its effect."""
        return self.mode or str(self.effect.__struct_config__.tag)

    @property
    def singles_out(self) -> bool:
        """It is for some of the messages that its pattern matches while it is in force, not for all."""
        return self.match.nth is not None or self.match.one_in is not None or self.times is not None


class Ended(StrEnum):
    """Why an intervention ended without being cleared: its time or its number is up, or what it switched is over."""

    TIME = "time"
    COUNT = "count"
    OVER = "over"


class OverrideEvent(Event, frozen=True, omit_defaults=True):
    at: int
    override_id: str


class OverrideApplied(OverrideEvent, frozen=True):
    """`run_id` is the run of the target; older versions did not record it."""

    TOPIC: ClassVar[str] = "scenario.override-applied.1"
    override: Override
    run_id: str = ""


class OverrideHit(OverrideEvent, frozen=True):
    """The `hit`-th message was treated so, waiting `delay_ms` where the effect is a delay."""

    TOPIC: ClassVar[str] = "scenario.override-hit.1"
    hit: int
    direction: str
    message_type: str
    request_id: str
    delay_ms: int = 0


class OverridePassed(OverrideEvent, frozen=True):
    """A message counted towards `nth` and was left alone."""

    TOPIC: ClassVar[str] = "scenario.override-passed.1"


class OverrideExpired(OverrideEvent, frozen=True):
    TOPIC: ClassVar[str] = "scenario.override-expired.1"
    reason: Ended


class OverrideCleared(OverrideEvent, frozen=True):
    """Ended by a person or a test."""

    TOPIC: ClassVar[str] = "scenario.override-cleared.1"


class InterventionBegun(Event, frozen=True, omit_defaults=True):
    """A command did something on purpose, such as `force-state`. Unless it `lasts`, it is over at once."""

    TOPIC: ClassVar[str] = "interaction.intervention-begun.1"
    at: int
    intervention_id: str
    name: str
    reason: str = ""
    run_id: str = ""
    lasts: bool = True


class InterventionEnded(Event, frozen=True, omit_defaults=True):
    """Nothing of what it switched is left. Without a reason it was cleared by a person or a test."""

    TOPIC: ClassVar[str] = "interaction.intervention-ended.1"
    at: int
    intervention_id: str
    reason: Ended | None = None
