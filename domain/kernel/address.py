"""Addresses of partners. An Address holds no user name, no password and no secret in its query."""

from __future__ import annotations

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from typing import NamedTuple
from urllib.parse import unquote_plus

from depot_sim.domain.kernel.errors import Fault
from depot_sim.domain.kernel.headers import is_secret
from depot_sim.domain.kernel.problems import quoted

HTTP = ("http", "https")
WEBSOCKET = ("ws", "wss")
_MASK = "***"
_IN_HEADERS = 'put the secret into credentials.headers as a reference, such as {"secret": "NAME"}'
_HIGHEST_PORT = 65_535
_LONGEST = 2_000
_KEPT = 4_096
_parts = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)(?P<query>\?[^#]*)?(?P<fragment>#.*)?",
    re.DOTALL,
).fullmatch
_is_printable = re.compile(r"[^\x00-\x20\x7f-\xa0\\<>\"^`{|}\u2028\u2029]+").fullmatch
_is_host = re.compile(r"(?=.{1,253}$)[^\s.:\[\]@%!$&'()*+,;=]{1,63}(?:\.[^\s.:\[\]@%!$&'()*+,;=]{1,63})*\.?").fullmatch
_is_number = re.compile(r"[0-9]+").fullmatch
_userinfo = re.compile(r"(//|\\/\\/)[^/?#\s\"<>\\]*@")  # slashes may be escaped, in JSON
_before_at = re.compile(r"//.*@", re.DOTALL)
_query = re.compile(r"(?<=[?&;])([^=&;#\s\"<>]*)=([^&;#\s\"<>]*)")


class NotAnAddress(ValueError):
    """`expected` says what would do. No text of it repeats a secret."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


class Address(NamedTuple):
    """A URL of a partner. `port` is None where the scheme's own is meant; `query` is without its question mark."""

    text: str
    scheme: str
    host: str
    port: int | None
    path: str
    query: str

    @classmethod
    def parse(cls, text: str, schemes: tuple[str, ...] = HTTP, *, query: bool = True) -> Address:
        """Raises NotAnAddress. `query`: whether the address may have one."""
        return _parse(text, schemes, query)

    @property
    def authority(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"


def address_fault(text: str, pointer: str, schemes: tuple[str, ...] = HTTP, *, query: bool = True) -> Fault | None:
    """What is wrong with an address; None when it can be used. Secrets in it are masked in the fault."""
    try:
        Address.parse(text, schemes, query=query)
    except NotAnAddress as error:
        return Fault(pointer, shown_address(text), error.expected)
    return None


def shown_address(text: str) -> str:
    """A text that is no address, in quotes: whatever stands before an @ may be a password, wherever the @ is."""
    return quoted(masked_address(_before_at.sub(f"//{_MASK}@", text)))


def masked_address(text: str) -> str:
    """A text with the user name and password, and secrets in the query, of the addresses in it masked."""
    if "@" in text:
        text = _userinfo.sub(rf"\1{_MASK}@", text)
    return _query.sub(_masked_parameter, text) if "=" in text else text


@lru_cache(_KEPT)
def _parse(text: str, schemes: tuple[str, ...], query: bool) -> Address:
    accepted = " or ".join(f"{scheme}://" for scheme in schemes)
    expected = f"an address that begins with {accepted} and names a host"
    if not _is_printable(text) or len(text) > _LONGEST:
        raise NotAnAddress(f"{expected}: at most {_LONGEST:,} characters, without spaces")
    parts = _parts(text)
    if parts is None or parts["scheme"] not in schemes:
        raise NotAnAddress(expected)
    if "@" in parts["authority"]:
        raise NotAnAddress(f"{expected}, without user name and password; {_IN_HEADERS}")
    host, port = _host_and_port(parts["authority"], expected)
    if parts["fragment"] is not None:
        raise NotAnAddress(f"{expected}, without a fragment (#…)")
    if parts["query"] is not None:
        _check_query(parts["query"], expected, query)
    return Address(text, parts["scheme"], host, port, parts["path"], (parts["query"] or "?")[1:])


def _host_and_port(authority: str, expected: str) -> tuple[str, int | None]:
    host, separator, port = authority, "", ""
    if not authority.endswith("]"):
        host, separator, port = authority.rpartition(":") if ":" in authority else (authority, "", "")
    if separator and not (_is_number(port) and 1 <= int(port[:9]) <= _HIGHEST_PORT and len(port) <= 5):
        raise NotAnAddress(f"{expected}; after the host a port from 1 to {_HIGHEST_PORT}, or none")
    if not _is_valid(host):
        raise NotAnAddress(f"{expected}: a name, an IPv4 address, or an IPv6 address in brackets")
    return host, int(port) if separator else None


def _is_valid(host: str) -> bool:
    try:
        if host.startswith("[") and host.endswith("]"):
            return IPv6Address(host[1:-1]).scope_id is None
        if _is_number(host.rstrip(".").rpartition(".")[2]):
            return str(IPv4Address(host)) == host
    except AddressValueError:
        return False
    return _is_host(host) is not None


def _check_query(query: str, expected: str, allowed: bool) -> None:
    for parameter in re.split("[&;]", query[1:]):
        if is_secret(unquote_plus(parameter.partition("=")[0])):
            raise NotAnAddress(f"{expected}, without a secret in its query; {_IN_HEADERS}")
    if not allowed:
        raise NotAnAddress(f"{expected}, without a query (?…)")


def _masked_parameter(match: re.Match[str]) -> str:
    return f"{match[1]}={_MASK}" if is_secret(unquote_plus(match[1])) else match[0]
