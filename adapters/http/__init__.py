"""Requests to partners, proven and bounded, and where their secrets come from."""

from adapters.http.partner import AiohttpPartner
from adapters.http.secrets import Secrets

__all__ = ["AiohttpPartner", "Secrets"]
