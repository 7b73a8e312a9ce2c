"""Every read model of the product, and its projector."""

from __future__ import annotations

from depot_sim.bootstrap.families import FAMILIES, models_of, projectors_of

MODELS = models_of(FAMILIES)
PROJECTORS = projectors_of(FAMILIES)
