"""The service's own routes."""

from __future__ import annotations

from typing import Any

import pytest

from depot_sim.adapters.control_api import ReadModelStatus
from depot_sim.bootstrap.service import Service
from depot_sim.domain.kernel.errors import StoreError
from tests.adapters.control_api.client import Api
from tests.projections.every_model import MODELS

pytestmark = pytest.mark.anyio


async def test_a_service_that_works_is_alive_and_ready(api: Api) -> None:
    assert (await api.get("/livez")).json() == {"status": "ok"}
    ready = await api.get("/readyz")
    assert ready.status_code == 200
    assert set(ready.json()["checks"].values()) == {"ok"}


async def test_a_store_that_cannot_be_reached_makes_it_unready_but_alive(
    api: Api, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> int:
        raise StoreError("postgresql://user:secret@host is gone")

    monkeypatch.setattr(service.backend.log, "head", broken)
    ready = await api.get("/readyz")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert "secret" not in ready.text
    assert (await api.get("/livez")).status_code == 200


async def test_a_read_model_that_fails_makes_it_unready(
    api: Api, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = [ReadModelStatus("runs", "FAILING", 3, 9, "event 4 cannot be taken")]
    monkeypatch.setattr(service.backend.projections, "statuses", lambda: stuck)
    ready = await api.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"]["read model runs"] == "failing: event 4 cannot be taken"


async def test_a_run_that_cannot_be_resumed_makes_it_unready(
    api: Api, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not of the host itself: it looks for such runs once a second and says anew which there are.
    monkeypatch.setattr(service.backend.health, "not_resumed", lambda: {"r": "no event class for topic 'x'"})
    ready = await api.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"]["run r"] == "cannot be resumed: no event class for topic 'x'"


async def test_a_store_that_takes_no_commit_makes_it_unready(
    api: Api, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> None:
        raise StoreError("the disk is full; nothing was written", "free some space")

    monkeypatch.setattr(service.backend.log, "check_writable", full)
    ready = await api.get("/readyz")
    assert ready.status_code == 503
    assert ready.json()["checks"]["store writes"] == "the disk is full; nothing was written"


async def test_read_models_tell_position_and_lag(api: Api, service: Service) -> None:
    await api.start()
    await api.get("/simulation-runs")
    models = (await api.get("/read-models")).json()["read_models"]
    assert {model["read_model"] for model in models} == {model.name for model in MODELS}
    assert all(model["position"] + model["lag"] >= service.backend.log.head() for model in models)


async def test_metrics_count_what_was_done(api: Api, service: Service) -> None:
    await api.start()
    await api.tick(7)
    response = await api.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    metrics: dict[str, Any] = dict(
        line.rsplit(" ", 1) for line in response.text.splitlines() if not line.startswith("#")
    )
    assert metrics["depot_sim_ticks_total"] == "7.0"
    assert metrics["depot_sim_runs_held"] == "1.0"
    assert metrics['depot_sim_events_appended_total{type="run.started.1"}'] == "1.0"
    assert metrics["depot_sim_append_seconds_count"] == "3.0"
    assert 'depot_sim_read_model_lag{read_model="power"}' in metrics
