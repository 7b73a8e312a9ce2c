"""Every read model there is."""

from __future__ import annotations

from read_models import configurations, power, runs

MODELS = (runs.MODEL, configurations.MODEL, power.MODEL)
