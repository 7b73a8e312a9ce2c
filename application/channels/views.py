"""Overrides and expectations as they look from outside."""

from __future__ import annotations

import msgspec

from depot_sim.domain.interaction.effects import AnyEffect
from depot_sim.domain.interaction.expectation_events import Expectation, NearMiss, Verdict
from depot_sim.domain.interaction.override_events import Match
from depot_sim.domain.interaction.overrides import ActiveOverride
from depot_sim.domain.interaction.standing import Standing
from depot_sim.domain.kernel.instants import written


class OverridesChanged(msgspec.Struct, frozen=True):
    """`override_state` is "active" after an override was applied, "cleared" after some were cleared.

    `warnings` say why the override can never match or change anything here.
    """

    target: str
    override_state: str
    override_ids: tuple[str, ...]
    warnings: tuple[str, ...] = ()


class ChannelReset(msgspec.Struct, frozen=True):
    """What a reset ended on a target: interventions and expectations, by id."""

    kind: str
    target: str
    interventions: tuple[str, ...]
    expectations: tuple[str, ...]


class OverrideView(msgspec.Struct, frozen=True):
    """`seen` counts messages its match fits, `hits` those it treated."""

    override_id: str
    name: str
    reason: str
    mode: str
    match: Match
    effect: AnyEffect
    applied_at: str
    until: str
    times: int | None
    seen: int
    hits: int


class ExpectationView(msgspec.Struct, frozen=True):
    """`met_by` are ledger entries; `nearest` tells, of a missed one, what came closest, field by field."""

    expectation_id: str
    verdict: Verdict
    title: str
    cause: str
    expectation: Expectation
    raised_at: str
    deadline: str
    settled_at: str | None
    counts: tuple[int, ...]
    met_by: tuple[str, ...]
    reason: str
    nearest: tuple[NearMiss, ...]


def override_view(override_id: str, active: ActiveOverride) -> OverrideView:
    override = active.override
    return OverrideView(
        override_id=override_id,
        name=override.name,
        reason=override.reason,
        mode=override.mode,
        match=override.match,
        effect=override.effect,
        applied_at=written(active.applied_at),
        until=written(override.until),
        times=override.times,
        seen=active.seen,
        hits=active.hits,
    )


def expectation_view(expectation_id: str, standing: Standing) -> ExpectationView:
    expectation = standing.expectation
    return ExpectationView(
        expectation_id=expectation_id,
        verdict=standing.verdict,
        title=expectation.title,
        cause=expectation.cause,
        expectation=expectation,
        raised_at=written(standing.raised_at),
        deadline=written(expectation.deadline),
        settled_at=None if standing.settled_at is None else written(standing.settled_at),
        counts=standing.counts,
        met_by=tuple(standing.met_by),
        reason=standing.reason,
        nearest=standing.nearest,
    )
