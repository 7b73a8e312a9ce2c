"""The control API: what operators and tests do over HTTP."""

from adapters.control_api.app import create_app
from adapters.control_api.backend import Backend, Importer, Parsed, ReadModelStatus
from adapters.control_api.event_streams import EventStreams, StreamLimits

__all__ = [
    "Backend",
    "EventStreams",
    "Importer",
    "Parsed",
    "ReadModelStatus",
    "StreamLimits",
    "create_app",
]
