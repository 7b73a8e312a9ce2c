"""OSCP over HTTP: the protocol API that partners call, requests to partners, and the secrets of both."""

from adapters.oscp.hang_up import HangUpProtocol
from adapters.oscp.mounted_app import MountedApp
from adapters.oscp.partner import AiohttpPartner
from adapters.oscp.protocol_app import PREFIX, ProtocolApp
from adapters.oscp.scope_meter import PowerScopeMeter
from adapters.oscp.secrets import Secrets

__all__ = ["PREFIX", "AiohttpPartner", "HangUpProtocol", "MountedApp", "PowerScopeMeter", "ProtocolApp", "Secrets"]
