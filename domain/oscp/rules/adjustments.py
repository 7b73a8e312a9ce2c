"""An adjustment asks for other capacities than an active forecast gives."""

from __future__ import annotations

from collections.abc import Iterator

from depot_sim.domain.oscp.findings import Finding, Kind
from depot_sim.domain.oscp.forecast import covers
from depot_sim.domain.oscp.rules import blocks
from depot_sim.domain.oscp.rules.context import Case
from depot_sim.domain.oscp.wire.messages import CapacityForecast
from depot_sim.domain.oscp.wire.shown import quoted
from depot_sim.domain.oscp.wire.times import format_instant


def known_forecast(case: Case) -> Iterator[Finding]:
    """It need not name a forecast; one that it names has to be one of ours."""
    named = case.correlation_id
    if named and named not in case.state.forecasts:
        yield Finding("adjustment.unknown-forecast", Kind.CORRELATION, quoted(named), "a forecast of this session")


def same_type(case: Case) -> Iterator[Finding]:
    message, named = case.message, case.state.forecasts.get(case.correlation_id)
    if isinstance(message, CapacityForecast) and named is not None and named.type is not message.type:
        expected = f"{named.type}, as the forecast it names"
        yield Finding("adjustment.other-type", Kind.CORRELATION, message.type.value, expected, "/type")


def active_forecast(case: Case) -> Iterator[Finding]:
    """There has to be something to adjust: an accepted forecast of the type for some of the time asked for."""
    message = case.message
    if not isinstance(message, CapacityForecast):
        return
    active = case.state.forecast(message.type)
    if active is None or not any(covers(active.blocks, block.start, block.end) for block in message.blocks):
        found = f"no accepted {message.type} forecast" + ("" if active is None else " for the time of any block")
        yield Finding("adjustment.no-active-forecast", Kind.CORRELATION, found, "an active forecast to adjust")


def ahead_of_now(case: Case) -> Iterator[Finding]:
    asked, now = blocks.blocks_of(case), case.context.now
    if asked and all(block.end <= now for block in asked):
        expected = f"a block that ends after {format_instant(now)}"
        yield Finding("adjustment.in-the-past", Kind.SEMANTICS, "only past blocks", expected, blocks.BLOCKS)


RULES = (known_forecast, same_type, active_forecast, blocks.forwards, blocks.apart, ahead_of_now)
