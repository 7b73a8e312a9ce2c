"""Requests to partners, proven and bounded, and where their secrets come from."""

from depot_sim.adapters.http.partner import AiohttpPartner
from depot_sim.adapters.http.secrets import Secrets

__all__ = ["AiohttpPartner", "Secrets"]
