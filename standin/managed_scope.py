"""The part of the site that OSCP controls: the forecasts in force, the constraint they make, and fallback mode."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from depot_sim.standin.constraint import Constraint, Mode, Source, effective
from depot_sim.standin.forecasts import Forecast, next_boundary
from depot_sim.standin.history import History
from depot_sim.standin.wire import ForecastType


@dataclass
class ManagedScope:
    """Every `now` is wall time; `time_shift` is added where a forecast is judged by it."""

    safe_default_kw: float | None
    time_shift: timedelta
    history: History
    forecasts: dict[ForecastType, Forecast] = field(default_factory=dict)
    constraint: Constraint = field(default_factory=Constraint)

    def take(self, forecast: Forecast) -> None:
        """It replaces what was known of its series."""
        self.forecasts[forecast.type] = forecast

    def active_forecast(self, type: ForecastType, now: datetime) -> Forecast | None:
        forecast = self.forecasts.get(type)
        return forecast if forecast and forecast.is_active(now + self.time_shift) else None

    def next_boundary(self, now: datetime) -> datetime | None:
        """When the constraint may change by itself."""
        boundary = next_boundary(self.forecasts.values(), now + self.time_shift)
        return boundary and boundary - self.time_shift

    def judge(self, now: datetime, *, lost: bool) -> None:
        """Bring the constraint up to now, and record what its change means."""
        before, self.constraint = self.constraint, self._effective(now, lost=lost)
        was, mode = before.mode, self.constraint.mode
        if mode is Mode.FALLBACK and was is not Mode.FALLBACK:
            self._enter_fallback(now, lost=lost)
        if mode is not Mode.FALLBACK and was is Mode.FALLBACK:
            self._exit_fallback(now, "online, and the primary forecast covers now")
        if Source.GAP_POLICY in self.constraint.sources and Source.GAP_POLICY not in before.sources:
            self.history.notify(now, "gap-policy-applied", self._gap_policy())

    def withdraw(self, now: datetime) -> None:
        """Hand control back at once: nothing that came over OSCP limits the scope any longer."""
        if self.constraint.mode is Mode.FALLBACK:
            self._exit_fallback(now, "disconnected by the operator")
        self.forecasts.clear()
        self.constraint = Constraint()
        text = f"OSCP control of {self.history.scope_name} has ended: it is under full local control"
        self.history.notify(now, "handover", text)

    def _effective(self, now: datetime, *, lost: bool) -> Constraint:
        return effective(self.forecasts, lost=lost, safe_default_kw=self.safe_default_kw, now=now + self.time_shift)

    def _enter_fallback(self, now: datetime, *, lost: bool) -> None:
        reason = "the capacity provider is offline" if lost else "the primary forecast has no block for now"
        self.history.open(now, reason)
        self.history.notify(now, "fallback-entered", f"{self.history.scope_name} is in fallback mode: {reason}")

    def _exit_fallback(self, now: datetime, resolution: str) -> None:
        self.history.close(now, resolution)
        self.history.notify(now, "fallback-exited", f"{self.history.scope_name} has left fallback mode: {resolution}")

    def _gap_policy(self) -> str:
        limit = self.constraint.consumption
        if limit.source is Source.GAP_POLICY and limit.kw is not None:
            return f"no block covers now: the safe default of {limit.kw:g} kW limits {self.history.scope_name}"
        return f"no block covers now: the site's own controls limit {self.history.scope_name}"
