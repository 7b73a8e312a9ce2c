"""The control API: what operators and tests do over HTTP."""

from depot_sim.adapters.control_api.app import create_app
from depot_sim.adapters.control_api.backend import (
    Backend,
    FamilyApi,
    FamilyRoutes,
    Importer,
    Parsed,
    ReadModelStatus,
    RebuiltReadModel,
)
from depot_sim.adapters.control_api.event_streams import EventStreams, StreamLimits
from depot_sim.adapters.control_api.problems import PROBLEM_PREFIX

__all__ = [
    "PROBLEM_PREFIX",
    "Backend",
    "EventStreams",
    "FamilyApi",
    "FamilyRoutes",
    "Importer",
    "Parsed",
    "ReadModelStatus",
    "RebuiltReadModel",
    "StreamLimits",
    "create_app",
]
