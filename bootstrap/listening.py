"""The socket that a service listens on, and why it cannot be had."""

from __future__ import annotations

import errno
import socket

from depot_sim.adapters.cli.failures import AddressUnavailable

_SEND_BUFFER_BYTES = 256 * 2**10
"""What the system keeps of each connection's output. By itself, Linux would take up to 4 MB from each of 1,000 event
streams that are not read."""


_ACCEPTED_AT_ONCE = 16
"""Connections in an iteration of the loop."""


def listening(host: str, port: int) -> socket.socket:
    """A socket bound to the address; the caller closes it. Raises AddressUnavailable."""
    try:
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    except OSError as error:
        raise _unavailable(host, port, error) from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        listener.bind((host, port))
    except (OSError, UnicodeError) as error:
        listener.close()
        raise _unavailable(host, port, error) from None
    return listener


def several(listener: socket.socket) -> list[socket.socket]:
    """The listener and copies of it, for a server that accepts from all of them and closes them.

    uvloop accepts one connection from a socket in an iteration of its loop: of a thousand that come at once, the last
    would wait for a thousand iterations, in each of which others of them are served.
    """
    return [listener, *(listener.dup() for _ in range(_ACCEPTED_AT_ONCE - 1))]


def _unavailable(host: str, port: int, error: OSError | UnicodeError) -> AddressUnavailable:
    if isinstance(error, UnicodeError | socket.gaierror):
        return AddressUnavailable(f"the host name {host!r} is unknown on this machine", "name one with --host ADDRESS")
    number = error.errno
    if number == errno.EADDRINUSE:
        hint = "stop the program that listens there, or name another port: --port N, 0 for any free one"
        return AddressUnavailable(f"port {port} of {host} is already in use", hint)
    if number == errno.EADDRNOTAVAIL:
        hint = "name one with --host ADDRESS: 127.0.0.1 for this machine only, 0.0.0.0 for all of its addresses"
        return AddressUnavailable(f"{host} is no address of this machine", hint)
    if number in (errno.EACCES, errno.EPERM):
        hint = "name a port from 1024 on: --port N"
        return AddressUnavailable(f"this user may not listen on port {port} of {host}", hint)
    if number == errno.EAFNOSUPPORT:
        return AddressUnavailable(f"this machine has no address such as {host}", "name an IPv4 address with --host")
    detail = f"port {port} of {host} cannot be listened on: {error.strerror}"
    return AddressUnavailable(detail, "name another port: --port N")
