"""What limits the managed scope now: a pure function of the forecasts, of liveness and of the time.

A direction comes under OSCP control with its first primary forecast. While it is, and the capacity provider is alive,
the primary block that covers now is the limit. Where there is none, or the provider is lost, the fallback block that
covers now is; where there is none either, the gap policy is: the safe default.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from depot_sim.standin.forecasts import Block, Forecast
from depot_sim.standin.wire import ForecastType

Forecasts = Mapping[ForecastType, Forecast]


class Mode(StrEnum):
    """How the managed scope is controlled, as an operator sees it."""

    NORMAL = "NORMAL"  # green: by the primary forecast
    FALLBACK = "FALLBACK"  # yellow: by the fallback forecast or the gap policy
    LOCAL = "LOCAL"  # grey: not by OSCP


class Source(StrEnum):
    """Where a limit comes from."""

    PRIMARY = "primary"
    FALLBACK = "fallback"
    GAP_POLICY = "gap_policy"
    NONE = "none"


class Limit(Struct, frozen=True):
    """The limit of one direction; no kW means that OSCP sets none."""

    source: Source = Source.NONE
    kw: float | None = None
    block: Block | None = None


class Constraint(Struct, frozen=True):
    """Both directions, and the mode that follows from where their limits come from."""

    consumption: Limit = Limit()
    generation: Limit = Limit()

    @property
    def mode(self) -> Mode:
        sources = {self.consumption.source, self.generation.source}
        if sources & {Source.FALLBACK, Source.GAP_POLICY}:
            return Mode.FALLBACK
        return Mode.NORMAL if Source.PRIMARY in sources else Mode.LOCAL

    @property
    def sources(self) -> tuple[Source, Source]:
        return self.consumption.source, self.generation.source


def effective(forecasts: Forecasts, *, lost: bool, safe_default_kw: float | None, now: datetime) -> Constraint:
    """The constraint at this instant; `lost` says that the capacity provider is not known to be alive.

    The safe default limits consumption. Without one, and for generation, a gap hands the direction back to the
    controls the site has besides OSCP.
    """
    consumption = ForecastType.CONSUMPTION, ForecastType.FALLBACK_CONSUMPTION
    generation = ForecastType.GENERATION, ForecastType.FALLBACK_GENERATION
    return Constraint(
        _limit(*map(forecasts.get, consumption), lost=lost, gap_kw=safe_default_kw, now=now),
        _limit(*map(forecasts.get, generation), lost=lost, gap_kw=None, now=now),
    )


def _limit(
    primary: Forecast | None, fallback: Forecast | None, *, lost: bool, gap_kw: float | None, now: datetime
) -> Limit:
    if primary is None and not (lost and fallback):
        return Limit()
    if primary and not lost and (block := primary.block_at(now)):
        return Limit(Source.PRIMARY, block.kw, block)
    if fallback and (block := fallback.block_at(now)):
        return Limit(Source.FALLBACK, block.kw, block)
    return Limit(Source.GAP_POLICY, gap_kw)
