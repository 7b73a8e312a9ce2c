"""What is done on purpose to one target, such as a session: overrides of its messages, and what commands switched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple
from uuid import UUID, uuid5

import msgspec

from depot_sim.domain.interaction.delays import drawn_ms
from depot_sim.domain.interaction.effects import STACKING, AnyEffect, Delay, Provoke, Slot
from depot_sim.domain.interaction.message import ObservedMessage
from depot_sim.domain.interaction.override_events import (
    Ended,
    InterventionBegun,
    InterventionEnded,
    Override,
    OverrideApplied,
    OverrideCleared,
    OverrideExpired,
    OverrideHit,
    OverridePassed,
)
from depot_sim.domain.kernel.aggregate import Aggregate
from depot_sim.domain.kernel.errors import Conflict, NotFound
from depot_sim.domain.kernel.events import Event
from depot_sim.domain.kernel.noise import Noise

ALL = "all"
MOST_ACTIVE = 100
_NAMES = UUID("5d0f7f51-6f0e-5a53-9a6e-2f8f3a6f1c01")


class ActiveOverride(msgspec.Struct):
    """`seen` counts messages its pattern matched, `hits` those it treated, `number` the overrides of the target.

    What is drawn for it is drawn by its number: its id names the run, and equal runs are to draw the same.
    """

    override: Override
    applied_at: int
    number: int = 0
    seen: int = 0
    hits: int = 0


class OverridesState(msgspec.Struct):
    """`active` is in the order applied, `applied` counts every override there ever was.

    `begun` are what commands have switched and is not over, `commands` counts all that ever were.
    """

    active: dict[str, ActiveOverride] = {}
    applied: int = 0
    begun: dict[str, InterventionBegun] = {}
    commands: int = 0


class Hit(msgspec.Struct, frozen=True):
    """One override's say on a message: its `number`-th hit. `delay_ms` is drawn already, for a Delay.

    `singled_out`: others that its pattern matches are left alone.
    """

    override_id: str
    mode: str
    effect: AnyEffect
    number: int
    delay_ms: int = 0
    singled_out: bool = False

    @property
    def is_idle(self) -> bool:
        """Whether it leaves this message as it would have been: a delay of nothing, or a command beside the message."""
        return isinstance(self.effect, Provoke) or (isinstance(self.effect, Delay) and not self.delay_ms)


class _Sight(NamedTuple):
    """An override that sees a message. Without a hit it only counts it."""

    override_id: str
    active: ActiveOverride
    hit: Hit | None


def _apply(state: OverridesState, event: OverrideApplied) -> None:
    state.active[event.override_id] = ActiveOverride(event.override, event.at, state.applied)
    state.applied += 1


def _hit(state: OverridesState, event: OverrideHit) -> None:
    active = state.active[event.override_id]
    active.seen += 1
    active.hits = event.hit


def _pass(state: OverridesState, event: OverridePassed) -> None:
    state.active[event.override_id].seen += 1


def _end(state: OverridesState, event: OverrideExpired | OverrideCleared) -> None:
    del state.active[event.override_id]


def _begin(state: OverridesState, event: InterventionBegun) -> None:
    state.commands += 1
    if event.lasts:
        state.begun[event.intervention_id] = event


def _over(state: OverridesState, event: InterventionEnded) -> None:
    del state.begun[event.intervention_id]


class Overrides(Aggregate[OverridesState]):
    """Forced behaviour of one target, and what else was done to it on purpose.

    Several overrides may match one message. They are asked from the newest to the oldest; one whose slot is taken by a
    newer one does not even see the message, so it counts nothing. Delays add up, distortions follow one another.
    """

    handlers: ClassVar[Mapping[type[Event], Callable[[Any, Any], None]]] = {
        OverrideApplied: _apply,
        OverrideHit: _hit,
        OverridePassed: _pass,
        OverrideExpired: _end,
        OverrideCleared: _end,
        InterventionBegun: _begin,
        InterventionEnded: _over,
    }
    __slots__ = ("run_id", "target")

    def __init__(self, target: str, run_id: str = "") -> None:
        super().__init__(stream_of(target), OverridesState())
        self.target = target
        self.run_id = run_id

    @property
    def active(self) -> Mapping[str, ActiveOverride]:
        """By id, oldest first; some may be past their time until `expire` has been called."""
        return self.state.active

    def apply(self, override: Override, now: int) -> str:
        """Put an override into force; its id. Raises Conflict when there are too many."""
        if len(self.state.active) >= MOST_ACTIVE:
            raise Conflict(f"{MOST_ACTIVE} overrides are active already", "clear those no longer needed")
        override_id = str(uuid5(_NAMES, f"{self.target}/{self.state.applied}"))
        self.emit(OverrideApplied(now, override_id, override, self.run_id))
        return override_id

    def begin(self, name: str, reason: str, now: int, *, lasts: bool = True) -> str:
        """Note that the command `name` does something on purpose; the id of this intervention."""
        intervention_id = str(uuid5(_NAMES, f"{self.target}/command/{self.state.commands}"))
        self.emit(InterventionBegun(now, intervention_id, name, reason, self.run_id, lasts))
        return intervention_id

    def end(self, intervention_id: str, now: int, reason: Ended | None = None) -> None:
        """What a command switched is over. Does nothing when it was before."""
        if intervention_id in self.state.begun:
            self.emit(InterventionEnded(now, intervention_id, reason))

    def clear(self, which: str, now: int) -> tuple[str, ...]:
        """End one override by its id, or ALL; the ids ended. Raises NotFound for one that is not active."""
        if which != ALL and which not in self.state.active:
            names = ", ".join(self.state.active) or "none"
            raise NotFound(f"no override {which} is active", f"the active ones: {names}")
        ended = tuple(self.state.active) if which == ALL else (which,)
        for override_id in ended:
            self.emit(OverrideCleared(now, override_id))
        return ended

    def clear_all(self, now: int) -> None:
        """End every intervention."""
        self.clear(ALL, now)
        for intervention_id in tuple(self.state.begun):
            self.end(intervention_id, now)

    def decide(self, exchange: ObservedMessage, now: int) -> tuple[Hit, ...]:
        """What the active overrides do to this message, newest first. Changes nothing."""
        if not self.state.active:
            return ()
        return tuple(sight.hit for sight in self._sights(exchange, now) if sight.hit is not None)

    def hit(self, exchange: ObservedMessage, now: int) -> tuple[Hit, ...]:
        """Decide, and keep that it happened; overrides that are used up end."""
        if not self.state.active:
            return ()
        sights = tuple(self._sights(exchange, now))
        for sight in sights:
            self._keep(sight, exchange, now)
        return tuple(sight.hit for sight in sights if sight.hit is not None)

    def expire(self, now: int) -> tuple[str, ...]:
        """End what is past its time; the ids ended."""
        due = tuple(id for id, active in self.state.active.items() if active.override.until <= now)
        for override_id in due:
            self.emit(OverrideExpired(now, override_id, Ended.TIME))
        return due

    def next_deadline(self) -> int | None:
        """When the next override ends by time, on the target's clock."""
        return min((active.override.until for active in self.state.active.values()), default=None)

    def _sights(self, exchange: ObservedMessage, now: int) -> Iterator[_Sight]:
        taken: set[Slot] = set()
        for override_id, active in reversed(self.state.active.items()):
            override = active.override
            if now >= override.until or override.effect.SLOT in taken or not override.match.matches(exchange):
                continue
            if not _is_chosen(active):
                yield _Sight(override_id, active, None)
                continue
            if override.effect.SLOT not in STACKING:
                taken.add(override.effect.SLOT)
            yield _Sight(override_id, active, _hit_of(override_id, active))

    def _keep(self, sight: _Sight, exchange: ObservedMessage, now: int) -> None:
        override_id, active, hit = sight
        if hit is None:
            self.emit(OverridePassed(now, override_id))
            return
        seen = (exchange.direction, exchange.message_type, exchange.request_id)
        self.emit(OverrideHit(now, override_id, hit.number, *seen, hit.delay_ms))
        if active.override.match.nth is not None or hit.number == active.override.times:
            self.emit(OverrideExpired(now, override_id, Ended.COUNT))


_PREFIX = "override-"


def stream_of(target: str) -> str:
    return f"{_PREFIX}{target}"


def target_of(stream: str) -> str:
    """The id of the session or feed whose overrides this stream holds."""
    return stream.removeprefix(_PREFIX)


def _is_chosen(active: ActiveOverride) -> bool:
    """Whether the next message it sees is the n-th, or drawn, where only such are meant."""
    override, match = active.override, active.override.match
    if match.one_in is not None:
        return Noise(override.seed).uniform(f"one-in/{active.number}", active.seen, match.one_in) == 0
    return match.nth is None or match.nth == active.seen + 1


def _hit_of(override_id: str, active: ActiveOverride) -> Hit:
    override, number = active.override, active.hits + 1
    effect = override.effect
    delay_ms = drawn_ms(effect, override.seed, active.number, number) if isinstance(effect, Delay) else 0
    return Hit(override_id, override.mode, effect, number, delay_ms, override.singles_out)
