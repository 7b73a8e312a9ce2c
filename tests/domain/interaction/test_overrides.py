"""Overrides: which of them act on a message, in which order, and when they end."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from depot_sim.domain.interaction.effects import (
    Accept,
    AnyEffect,
    Delay,
    Duplicate,
    How,
    Ignore,
    Malform,
    Range,
    Reject,
    Spread,
    Unavailable,
)
from depot_sim.domain.interaction.message import Direction
from depot_sim.domain.interaction.override_events import (
    Ended,
    Match,
    Override,
    OverrideExpired,
    OverrideHit,
    OverridePassed,
)
from depot_sim.domain.interaction.overrides import ALL, Overrides
from depot_sim.domain.kernel.errors import Conflict, NotFound
from depot_sim.domain.kernel.events import Event, decode, encode
from tests.domain.scenario.samples import message, override
from tests.full_set import examples

MOST_ACTIVE = 100


def effects_on(overrides: Overrides, now: int = 0) -> list[AnyEffect]:
    return [hit.effect for hit in overrides.hit(message(), now)]


def test_without_overrides_nothing_is_decided_and_nothing_recorded() -> None:
    overrides = Overrides("s")

    assert overrides.decide(message(), 0) == overrides.hit(message(), 0) == ()
    assert overrides.pending == []


def test_ids_depend_on_the_target_and_the_order_only() -> None:
    first, second, other = Overrides("s"), Overrides("s"), Overrides("t")

    ids = [first.apply(override(), 0), first.apply(override(), 0)]
    assert ids == [second.apply(override(Accept()), 5), second.apply(override(), 9)]
    assert other.apply(override(), 0) not in ids
    assert len(set(ids)) == 2


def test_of_several_outcomes_the_newest_decides_and_the_others_do_not_count() -> None:
    overrides = Overrides("s")
    older = overrides.apply(override(Reject(), times=1), 0)
    newer = overrides.apply(override(Ignore(), times=1), 0)

    assert effects_on(overrides) == [Ignore()]
    assert newer not in overrides.active
    assert overrides.active[older].hits == 0
    assert effects_on(overrides) == [Reject()]


def test_delays_add_to_an_outcome_and_to_each_other() -> None:
    overrides = Overrides("s")
    for effect in (Delay(fixed_ms=100), Reject(), Delay(fixed_ms=10), Unavailable()):
        overrides.apply(override(effect), 0)

    hits = overrides.hit(message(), 0)
    assert [hit.effect for hit in hits] == [Unavailable(), Delay(fixed_ms=10), Delay(fixed_ms=100)]
    assert sum(hit.delay_ms for hit in hits) == 110


def test_effects_of_different_slots_compose() -> None:
    overrides = Overrides("s")
    for effect in (Duplicate(3), Malform(How.EMPTY), Duplicate()):
        overrides.apply(override(effect), 0)

    assert effects_on(overrides) == [Duplicate(), Malform(How.EMPTY)]


def test_an_override_with_nth_hits_only_that_message_and_ends() -> None:
    overrides = Overrides("s")
    overrides.apply(override(match=Match(message_types=("Heartbeat",), nth=3)), 0)

    hits = [
        len(overrides.hit(message(kind), 0))
        for kind in ("Heartbeat", "Handshake", "Heartbeat", "Handshake", "Heartbeat", "Heartbeat")
    ]
    assert hits == [0, 0, 0, 0, 1, 0]
    kinds = [type(event) for event in overrides.take_pending()[1:]]
    assert kinds == [OverridePassed, OverridePassed, OverrideHit, OverrideExpired]


def test_an_override_does_not_act_at_or_after_its_end_even_before_it_is_expired() -> None:
    overrides = Overrides("s")
    overrides.apply(override(until=100), 0)

    assert len(overrides.decide(message(), 99)) == 1
    assert overrides.decide(message(), 100) == ()


def drawn_places(one_in: int, seed: int, earlier: int = 0) -> list[int]:
    """Which of 600 messages an override hits that treats one in so many; `earlier` overrides were applied before it."""
    overrides = Overrides("s")
    for _ in range(earlier):
        overrides.clear(overrides.apply(override(), 0), 0)
    overrides.apply(override(match=Match(one_in=one_in), seed=seed), 0)
    return [place for place in range(600) if overrides.hit(message(), 0)]


@pytest.mark.parametrize(("one_in", "least", "most"), [(2, 250, 350), (3, 150, 250), (10, 35, 85)])
def test_one_in_so_many_messages_is_hit_at_places_that_are_spread(one_in: int, least: int, most: int) -> None:
    """Four standard deviations around the mean."""
    places = drawn_places(one_in, seed=7)
    assert least <= len(places) <= most
    distances = {after - before for before, after in pairwise(places)}
    assert len(distances) > 3, "not every n-th message"
    assert all(any(start <= place < start + 150 for place in places) for start in range(0, 600, 150))


def test_the_drawn_messages_depend_on_the_seed_and_on_the_override() -> None:
    assert drawn_places(3, seed=7) == drawn_places(3, seed=7)
    assert drawn_places(3, seed=7) != drawn_places(3, seed=8)
    assert drawn_places(3, seed=7) != drawn_places(3, seed=7, earlier=1)


def test_expiry_follows_the_deadlines() -> None:
    overrides = Overrides("s")
    late, early = overrides.apply(override(until=200), 0), overrides.apply(override(until=100), 0)

    assert overrides.next_deadline() == 100
    assert overrides.expire(99) == ()
    assert overrides.expire(100) == (early,)
    assert overrides.next_deadline() == 200
    assert overrides.expire(900) == (late,)
    assert overrides.next_deadline() is None
    assert [event.reason for event in overrides.pending if isinstance(event, OverrideExpired)] == [Ended.TIME] * 2


def test_clearing_names_one_or_all() -> None:
    overrides = Overrides("s")
    ids = [overrides.apply(override(), 0) for _ in range(3)]

    assert overrides.clear(ids[1], 1) == (ids[1],)
    with pytest.raises(NotFound):
        overrides.clear(ids[1], 1)
    assert overrides.clear(ALL, 1) == (ids[0], ids[2])
    assert overrides.clear(ALL, 1) == ()


def test_the_number_of_active_overrides_is_bounded() -> None:
    overrides = Overrides("s")
    for _ in range(MOST_ACTIVE):
        overrides.apply(override(), 0)

    with pytest.raises(Conflict):
        overrides.apply(override(), 0)


@pytest.mark.parametrize(
    "delay", [Delay(uniform=Range(100, 5_000)), Delay(lognormal=Spread(800, 4_000))], ids=["uniform", "lognormal"]
)
def test_drawn_delays_differ_from_hit_to_hit_and_repeat_with_the_seed(delay: Delay) -> None:
    def drawn(seed: int, target: str = "s") -> list[int]:
        overrides = Overrides(target)
        overrides.apply(override(delay, seed=seed), 0)
        return [overrides.hit(message(), 0)[0].delay_ms for _ in range(20)]

    assert drawn(7) == drawn(7) != drawn(8)
    assert drawn(7) == drawn(7, "of another run"), "equal runs wait the same"
    assert len(set(drawn(7))) > 15


EFFECTS = st.sampled_from([Reject(), Ignore(), Delay(fixed_ms=5), Delay(uniform=Range(1, 9)), Duplicate()])
TYPES = st.sampled_from(["a", "b"])


class _Modelled:
    """One override as the model has it: how many messages it has seen and hit."""

    def __init__(self, id: str, held: Override) -> None:
        self.id, self.held, self.seen, self.hits = id, held, 0, 0


class OverridesAgainstAModel(RuleBasedStateMachine):
    """The aggregate against a list of overrides walked through from its end, restarting now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.overrides, self.log, self.now = Overrides("s"), list[Event](), 0
        self.model: list[_Modelled] = []

    @rule(
        effect=EFFECTS,
        types=st.lists(TYPES, max_size=1),
        bound=st.one_of(st.none(), st.tuples(st.sampled_from(["nth", "times"]), st.integers(1, 3))),
        length=st.integers(1, 20),
    )
    def apply(self, effect: AnyEffect, types: list[str], bound: tuple[str, int] | None, length: int) -> None:
        kind, figure = bound or ("", None)
        match = Match(Direction.INBOUND, tuple(types), nth=figure if kind == "nth" else None)
        held = Override(match, effect, self.now + length, figure if kind == "times" else None)
        self.model.append(_Modelled(self.overrides.apply(held, self.now), held))

    @rule(message_type=TYPES, direction=st.sampled_from(["inbound", "outbound"]))
    def send(self, message_type: str, direction: str) -> None:
        exchange = message(message_type, direction)
        decided = self.overrides.decide(exchange, self.now)
        assert self.overrides.hit(exchange, self.now) == decided
        assert [(hit.override_id, hit.number) for hit in decided] == self._modelled(message_type, direction)

    def _modelled(self, message_type: str, direction: str) -> list[tuple[str, int]]:
        hits: list[tuple[str, int]] = []
        taken: set[str] = set()
        for one in reversed(self.model[:]):
            kind = type(one.held.effect).__name__
            group = {"Reject": "outcome", "Ignore": "outcome"}.get(kind, kind)
            of_type = one.held.match.message_types in ((), (message_type,))
            if direction != "inbound" or not of_type or self.now >= one.held.until or group in taken:
                continue
            one.seen += 1
            if one.held.match.nth in (None, one.seen):
                one.hits += 1
                hits.append((one.id, one.hits))
                taken |= {group} - {"Delay"}
                if one.held.match.nth or one.hits == one.held.times:
                    self.model.remove(one)
        return hits

    @rule(length=st.integers(1, 15))
    def wait(self, length: int) -> None:
        self.now += length

    @rule()
    def expire(self) -> None:
        due = [one for one in self.model if one.held.until <= self.now]
        assert list(self.overrides.expire(self.now)) == [one.id for one in due]
        self.model = [one for one in self.model if one not in due]

    @rule(data=st.data())
    def clear(self, data: st.DataObject) -> None:
        which = data.draw(st.sampled_from([ALL, *(one.id for one in self.model)]))
        self.overrides.clear(which, self.now)
        self.model = [one for one in self.model if which not in (ALL, one.id)]

    @rule()
    def restart_from_the_events(self) -> None:
        self.log += self.overrides.take_pending()
        loaded = Overrides("s")
        loaded.fold(decode(*encode(event)) for event in self.log)
        assert loaded.state == self.overrides.state
        self.overrides = loaded

    @invariant()
    def active_overrides_are_the_model_s(self) -> None:
        assert [(id, active.seen, active.hits) for id, active in self.overrides.active.items()] == [
            (one.id, one.seen, one.hits) for one in self.model
        ]
        assert self.overrides.next_deadline() == min((one.held.until for one in self.model), default=None)


TestOverridesAgainstAModel = OverridesAgainstAModel.TestCase
TestOverridesAgainstAModel.settings = settings(max_examples=examples(60), stateful_step_count=30)
