"""The read models that belong to no protocol family."""

from __future__ import annotations

from depot_sim.read_models import configurations, interventions, power, runs

SHARED_MODELS = (runs.MODEL, configurations.MODEL, power.MODEL, interventions.MODEL)
