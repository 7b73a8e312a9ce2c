"""A compliance error tells that the site cannot keep to a forecast: which one, and whether it is so."""

from __future__ import annotations

from collections.abc import Iterator

from depot_sim.domain.oscp.findings import Finding, Kind
from depot_sim.domain.oscp.forecast import covers
from depot_sim.domain.oscp.profile import Presence
from depot_sim.domain.oscp.rules import blocks
from depot_sim.domain.oscp.rules.context import Case
from depot_sim.domain.oscp.rules.correlation import forecast_meant
from depot_sim.domain.oscp.state import PublishedForecast
from depot_sim.domain.oscp.wire.shown import quoted
from depot_sim.domain.oscp.wire.times import format_instant

_EXPECTED = "the request id of a forecast this session published and the partner accepted"


def names_a_forecast(case: Case) -> Iterator[Finding]:
    """The message has no group and no type: only its correlation tells what it is about."""
    named = case.correlation_id
    if not named:
        if case.attached.profile.compliance_correlation is Presence.REQUIRED:
            yield Finding("compliance.correlation-missing", Kind.CORRELATION, "no X-Correlation-ID", _EXPECTED)
    elif _meant(case) is None:
        yield Finding("compliance.unknown-forecast", Kind.CORRELATION, quoted(named), _EXPECTED)


def within_the_forecast(case: Case) -> Iterator[Finding]:
    meant = _meant(case)
    if meant is None:
        return
    for place, block in enumerate(blocks.blocks_of(case)):
        if not covers(meant.blocks, block.start, block.end):
            found, pointer = format_instant(block.start), f"{blocks.BLOCKS}/{place}"
            yield Finding("compliance.outside-the-forecast", Kind.SEMANTICS, found, "a time it covers", pointer)


def not_repeated(case: Case) -> Iterator[Finding]:
    """One breach is told once; telling it again is recorded, and refused only where the profile says so."""
    meant = _meant(case)
    told_at = None if meant is None else _told_at(case, meant)
    if meant is None or told_at is None or (case.context.breached or {}).get(meant.request_id, told_at) > told_at:
        return
    yield Finding(
        "compliance.duplicate", Kind.NUMBERS, f"the breach told at {format_instant(told_at)}", "a newer breach"
    )


def breached(case: Case) -> Iterator[Finding]:
    """The world knows whether the scope was above the forecast at all."""
    meant = _meant(case)
    if meant is None or case.context.breached is None or meant.request_id in case.context.breached:
        return
    yield Finding("compliance.no-breach", Kind.NUMBERS, "no breach in the world", "the scope above the forecast")


def _meant(case: Case) -> PublishedForecast | None:
    return forecast_meant(case.state, case.type, case.message, case.correlation_id)


def _told_at(case: Case, meant: PublishedForecast) -> int | None:
    """When a breach of the forecast was last told: by its request id, by its group's id, or without any id.

    The group's id and no id count only while they mean this forecast.
    """
    substitutes = (case.attached.group_id, "")
    names = [name for name in substitutes if forecast_meant(case.state, case.type, case.message, name) is meant]
    times = [case.state.answered[name] for name in (meant.request_id, *names) if name in case.state.answered]
    return max((at for at in times if at >= meant.at), default=None)


RULES = (names_a_forecast, blocks.forwards, blocks.apart, within_the_forecast, not_repeated, breached)
