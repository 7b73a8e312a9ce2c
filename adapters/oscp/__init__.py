"""OSCP over HTTP: the protocol API that partners call, and the meters their reports are held against."""

from adapters.oscp.hang_up import HangUpProtocol
from adapters.oscp.mounted_app import MountedApp
from adapters.oscp.protocol_app import PREFIX, ProtocolApp
from adapters.oscp.scope_meter import PowerScopeMeter

__all__ = ["PREFIX", "HangUpProtocol", "MountedApp", "PowerScopeMeter", "ProtocolApp"]
