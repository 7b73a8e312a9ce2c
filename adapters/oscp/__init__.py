"""OSCP over HTTP: the protocol API that partners call, and the meters their reports are held against."""

from adapters.oscp.application import OscpApplication
from adapters.oscp.protocol_api import PREFIX, ProtocolApi
from adapters.oscp.scope_meter import PowerScopeMeter

__all__ = ["PREFIX", "OscpApplication", "PowerScopeMeter", "ProtocolApi"]
