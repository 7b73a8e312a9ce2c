"""Session states for the rules to judge by."""

from __future__ import annotations

from typing import Any

import msgspec

from depot_sim.domain.oscp.events import OscpProviderSessionAttached, Policy
from depot_sim.domain.oscp.profiles import BETTERFLEET_VECTOR
from depot_sim.domain.oscp.rules import Context, judge
from depot_sim.domain.oscp.state import PublishedForecast, SessionState
from depot_sim.domain.oscp.vocabulary import (
    ForecastType,
    Lifecycle,
    MeasurementConfiguration,
    MessageType,
    PublicationMode,
    SessionClock,
)
from depot_sim.domain.oscp.wire.messages import Block, Message

QUARTER = 15 * 60 * 1_000
TEN = 1_775_124_000_000
"""2026-04-02T10:00:00Z"""
NOW = TEN + QUARTER + 5_000

ATTACHED = OscpProviderSessionAttached(
    at=TEN,
    session_id="session-1",
    run_id="run-1",
    managed_scope_id="scope-grid-1",
    betterfleet_base_url="http://fp.example/oscp",
    remote_configuration_id="configuration-1",
    group_id="group-1",
    measurement_publication_mode=PublicationMode.GROUP,
    measurement_configuration=MeasurementConfiguration.INTERMITTENT,
    profile=BETTERFLEET_VECTOR,
    clock=SessionClock.RUN,
    policy=Policy(),
)


def session(
    lifecycle: Lifecycle = Lifecycle.ONLINE, /, *, answered: dict[str, int] | None = None, **changes: Any
) -> SessionState:
    """A session in this state, attached as ATTACHED but for `changes`."""
    attached = msgspec.structs.replace(ATTACHED, **changes)
    return SessionState(attached=attached, lifecycle=lifecycle, answered=answered or {})


def published(
    state: SessionState, id: str, *blocks: Block, type: ForecastType = ForecastType.CONSUMPTION
) -> SessionState:
    """The state after a forecast was accepted."""
    state.forecasts[id] = PublishedForecast(id, type, blocks, TEN)
    state.active[type.value] = id
    return state


def rules(
    state: SessionState,
    type: MessageType,
    message: Message | None,
    correlation_id: str = "",
    context: Context | None = None,
) -> list[str]:
    """The names of the rules that fail."""
    return [finding.rule for finding in judge(state, type, message, correlation_id, context or Context(NOW))]
