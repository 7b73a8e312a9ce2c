"""What went wrong between us and a partner, in a person's words."""

from __future__ import annotations

import asyncio
import ssl
from typing import NamedTuple

import aiohttp

FAULTS = (aiohttp.ClientError, TimeoutError, OSError, ValueError)
"""Everything a request may raise for what a partner, a network or an address does."""


class Patience(NamedTuple):
    """How long is waited for a connection, and for an answer altogether."""

    connect_ms: int
    request_ms: int


def told(fault: BaseException, patience: Patience) -> str:
    """One line, never with a header or a body in it."""
    match fault:
        case aiohttp.ConnectionTimeoutError():
            return f"no connection within {patience.connect_ms} ms"
        case asyncio.TimeoutError():
            return f"no answer within {patience.request_ms} ms"
        case aiohttp.ClientConnectorError():
            return _told_connecting(fault)
        case aiohttp.ServerDisconnectedError():
            return "connection closed without an answer"
        case OSError():
            return f"connection broken: {_reason(fault)}"
        case aiohttp.InvalidURL():
            return f"not a URL: {fault.url}"
        case aiohttp.ClientResponseError():
            return "what came back is not HTTP"
        case aiohttp.ClientPayloadError():
            return "the answer broke off"
    return f"{type(fault).__name__}: the request cannot be sent as it is"


def _told_connecting(fault: aiohttp.ClientConnectorError) -> str:
    place = f"{fault.host}:{fault.port}"
    match fault:
        case aiohttp.ClientConnectorDNSError():
            return f"name not resolved: {fault.host}"
        case aiohttp.ClientConnectorCertificateError():
            return f"certificate not accepted: {place}: {_reason(fault.certificate_error)}"
        case aiohttp.ClientSSLError():
            return f"TLS failed: {place}: {_reason(fault.os_error)}"
    if isinstance(fault.os_error, ConnectionRefusedError):
        return f"connection refused: {place}"
    return f"cannot connect: {place}: {_reason(fault.os_error)}"


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).replace("_", " ").lower()
    return (error.strerror if isinstance(error, OSError) else "") or str(error)
