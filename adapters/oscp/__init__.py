"""OSCP over HTTP: the protocol API that partners call, and the meters their reports are held against."""

from depot_sim.adapters.oscp.application import OscpApplication
from depot_sim.adapters.oscp.protocol_api import PREFIX, ProtocolApi
from depot_sim.adapters.oscp.scope_meter import PowerScopeMeter

__all__ = ["PREFIX", "OscpApplication", "PowerScopeMeter", "ProtocolApi"]
