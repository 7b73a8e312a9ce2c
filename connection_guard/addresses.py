"""Which addresses count as one client."""

from __future__ import annotations

import ipaddress

_IPV6_BITS = 64
"""A single client has a whole network of so many bits, and can send from every address of it."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def parsed_address(text: str) -> Address | None:
    """The IP address without its zone, an IPv4 address mapped to IPv6 as IPv4; None when the text is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return address if mapped is None else mapped


def client_of(text: str) -> str | None:
    """What a client is counted by: its IPv4 address, or the network of its IPv6 address; None when the text is none.

    The loopback address of IPv6 stands for itself.
    """
    address = parsed_address(text)
    if address is None:
        return None
    if isinstance(address, ipaddress.IPv6Address) and not address.is_loopback:
        return str(ipaddress.IPv6Network((address, _IPV6_BITS), strict=False))
    return str(address)
