"""What a finished run came to: a chart, figures and two hashes for people, one JSON object for programs."""

from __future__ import annotations

from datetime import datetime

import msgspec
from rich.text import Text

from depot_sim.adapters.cli.arguments import redacted
from depot_sim.adapters.cli.chart import load_chart
from depot_sim.adapters.cli.simulation import Finished, Stopwatch
from depot_sim.adapters.cli.terminal import Terminal
from depot_sim.domain.scenario.execution import ScenarioExecution

_CHART_WIDTH = 100


class PlayedScenario(msgspec.Struct, frozen=True):
    """How a scenario came out. `status` is its verdict, or "stopped"; `reasons` say why it has not passed."""

    name: str
    status: str
    steps_done: int
    steps: int
    reasons: tuple[str, ...] = ()


class RunReport(msgspec.Struct, frozen=True):
    """Energies are what the chargers drew from the grid, powers the load of the grid connection."""

    run_id: str
    events: int
    canonical_sha256: str
    energy_kwh: float
    vehicle_steps: int
    cpu_seconds: float
    peak_kw: float
    breaches: int
    late_departures: int
    raw_sha256: str
    state_sha256: str
    wall_seconds: float
    db: str | None
    scenarios: tuple[PlayedScenario, ...] = ()


def report(finished: Finished, watch: Stopwatch, db: str | None) -> RunReport:
    summary = finished.summary
    return RunReport(
        run_id=summary.run_id,
        events=summary.events,
        canonical_sha256=summary.canonical_sha256,
        energy_kwh=summary.energy_wh / 1_000,
        vehicle_steps=summary.vehicle_steps,
        cpu_seconds=round(watch.cpu_seconds(), 3),
        peak_kw=summary.peak_w / 1_000,
        breaches=summary.breaches,
        late_departures=summary.late_departures,
        raw_sha256=summary.raw_sha256,
        state_sha256=summary.state_sha256,
        wall_seconds=round(watch.wall_seconds(), 3),
        db=None if db is None else redacted(db),
        scenarios=tuple(_scenario(execution) for execution in finished.scenarios),
    )


def _scenario(execution: ScenarioExecution) -> PlayedScenario:
    return PlayedScenario(
        name=execution.script.name,
        status=execution.status.value,
        steps_done=len(execution.state.outcomes),
        steps=len(execution.script.steps),
        reasons=execution.reasons,
    )


def show(terminal: Terminal, finished: Finished, shown: RunReport) -> None:
    """The load chart, the figures and the hashes."""
    points = finished.history.points() if finished.history is not None else []
    if points:
        start = datetime.fromisoformat(finished.started.start_time)
        terminal.out.print(load_chart(points, start, width=min(terminal.out.width, _CHART_WIDTH)))
    for label, value in _figures(shown):
        terminal.out.print(Text.assemble((f"{label:<17}", "bold"), value), soft_wrap=True)


def _figures(shown: RunReport) -> list[tuple[str, str]]:
    figures = [
        ("run", shown.run_id),
        ("charged", f"{shown.energy_kwh:,.1f} kWh"),
        ("peak load", f"{shown.peak_kw:,.1f} kW"),
        ("limit breaches", f"{shown.breaches:,}"),
        ("late departures", f"{shown.late_departures:,}"),
        ("events", f"{shown.events:,}"),
        ("simulated", f"{shown.vehicle_steps:,} vehicle steps in {shown.cpu_seconds:.2f} CPU seconds"),
        ("canonical sha256", shown.canonical_sha256),
        ("raw sha256", shown.raw_sha256),
    ]
    figures += [("scenario", _sentence(scenario)) for scenario in shown.scenarios]
    if shown.db is not None:
        figures.append(("stored in", shown.db))
    return figures


def _sentence(played: PlayedScenario) -> str:
    outcome = f"{played.name}: {played.status}, {played.steps_done} of {played.steps} steps done"
    return "; ".join([outcome, *played.reasons])
