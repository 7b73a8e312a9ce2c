"""Nodes of the electrical tree, managed scopes and what limits them."""

from __future__ import annotations

from typing import ClassVar

from depot_sim.domain.run.events.base import RunEvent
from depot_sim.domain.run.world.site.forecast import ForecastBlock, ForecastType


class NodeLimitChanged(RunEvent, frozen=True):
    """`limit_w` None goes back to the configured limit."""

    TOPIC: ClassVar[str] = "node.limit-changed.1"
    node: str
    limit_w: int | None


class NodeExportLimitChanged(RunEvent, frozen=True):
    """`limit_w` None goes back to the configured limit."""

    TOPIC: ClassVar[str] = "node.export-limit-changed.1"
    node: str
    limit_w: int | None


class NodeFailSafeLimitChanged(RunEvent, frozen=True):
    """`limit_w` None goes back to the configured limit."""

    TOPIC: ClassVar[str] = "node.fail-safe-limit-changed.1"
    node: str
    limit_w: int | None


class NodeOutageStarted(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "node.outage-started.1"
    node: str


class NodeOutageEnded(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "node.outage-ended.1"
    node: str


class ManagedScopeBreachDetected(RunEvent, frozen=True):
    """A node has stayed above its limit; `scope` names the managed scope on it, empty when there is none.

    With `forecast_id` it is not the node's own limit but the capacity of the scope's active forecast, of this type.
    `load_w` is the node's load, import positive; a GENERATION forecast limits what flows out, so the load is negative.
    """

    TOPIC: ClassVar[str] = "scope.breach-detected.1"
    scope: str
    node: str
    load_w: int
    limit_w: int
    forecast_id: str = ""
    forecast_type: ForecastType | None = None


class ManagedScopeBreachCleared(RunEvent, frozen=True):
    """The node has stayed within its limit; with `forecast_id` within that forecast, or the forecast has ended."""

    TOPIC: ClassVar[str] = "scope.breach-cleared.1"
    scope: str
    node: str
    load_w: int
    forecast_id: str = ""
    forecast_type: ForecastType | None = None


class ScopeForecastApplied(RunEvent, frozen=True):
    """The scope's active forecast of this type from now on. `blocks` are in order of time and apart."""

    TOPIC: ClassVar[str] = "scope.forecast-applied.1"
    scope: str
    forecast_id: str
    type: ForecastType
    blocks: tuple[ForecastBlock, ...]


class ScopeForecastWithdrawn(RunEvent, frozen=True):
    TOPIC: ClassVar[str] = "scope.forecast-withdrawn.1"
    scope: str
    forecast_id: str
    type: ForecastType


class ControlDelayChanged(RunEvent, frozen=True):
    """From now on connectors draw what they like for this long after switching on; 0 ends the fault."""

    TOPIC: ClassVar[str] = "allocation.control-delay-changed.1"
    delay_ms: int
