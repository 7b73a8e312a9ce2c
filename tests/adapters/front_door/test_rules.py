"""Which requests a surface lets in."""

from __future__ import annotations

from typing import Any

import pytest

from depot_sim.adapters.front_door.rules import (
    DoorSettings,
    RequestFacts,
    Surface,
    Token,
    decide,
    is_loopback_name,
    requires_credentials,
    sender_of,
)

CONTROL = Surface("control", asks_token=True, open_paths=frozenset({"/livez"}))
OSCP = Surface("oscp", asks_token=False)
WITHOUT_TOKENS = DoorSettings(has_tokens=False, is_exposed=False)
WITH_TOKENS = DoorSettings(has_tokens=True, is_exposed=False)
EXPOSED = DoorSettings(has_tokens=True, is_exposed=True)

LOOPBACK_HOSTS = [
    "localhost",
    "localhost:8420",
    "LOCALHOST",
    "localhost.",
    "localhost.:8420",
    "127.0.0.1",
    "127.0.0.1:8420",
    "127.9.9.9",
    "[::1]",
    "[::1]:8420",
    "[0:0:0:0:0:0:0:1]:8420",
    "[::ffff:127.0.0.1]",
]
OTHER_HOSTS = [
    "",
    "evil.example",
    "evil.example:8420",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "evil.localhost",
    "[::1%evil.example]",
    "[::1%25evil.example]:8420",
    "[fe80::1%lo]",
    "127.0.0.1%evil.example",
    "localhost%evil.example",
    "localhost:port",
    "localhost:8420:1",
    "user@localhost",
    "localhost@evil.example",
    "localhost/..",
    "127.1",
    "0x7f.0.0.1",
    "2130706433",
    "0.0.0.0",
    "[::]",
    "[::1",
    "::1",
    "[::1]evil.example",
    "[localhost]",
    "192.168.1.7",
    "\xffocalhost",
]
FOREIGN_ORIGINS = [
    "null",
    "",
    "http://evil.example",
    "http://127.0.0.1:8421",
    "http://localhost:8420",
    "http://127.0.0.1.evil.example:8420",
    "http://127.0.0.1:8420@evil.example",
    "127.0.0.1:8420",
    "//127.0.0.1:8420",
    "file://",
    "chrome-extension://127.0.0.1:8420x",
    "http://127.0.0.1:99999",
    "http://evil@127.0.0.1:8420",
    "http://evil:password@127.0.0.1:8420",
    "http://127.0.0.1:8420/",
    "http://127.0.0.1:8420/path",
    "http://127.0.0.1:8420?query",
    "http://127.0.0.1:8420#fragment",
    "http://127.0.0.1:8420\\.evil.example",
    "ws://127.0.0.1:8420",
    "ftp://127.0.0.1:8420",
    "http:127.0.0.1:8420",
]


def request(**changes: Any) -> RequestFacts:
    usual = RequestFacts("POST", "/path", ("127.0.0.1:8420",), (), "127.0.0.1", forwarded_by="")
    return usual._replace(**changes)


def rule(surface: Surface, asked: RequestFacts, settings: DoorSettings, token: Token = Token.VALID) -> str:
    refusal = decide(surface, asked, token, settings)
    return "" if refusal is None else refusal.rule


@pytest.mark.parametrize("surface", [CONTROL, OSCP])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("host", LOOPBACK_HOSTS)
def test_without_tokens_names_of_this_machine_are_accepted(surface: Surface, method: str, host: str) -> None:
    assert rule(surface, request(hosts=(host,), method=method), WITHOUT_TOKENS, Token.MISSING) == ""


@pytest.mark.parametrize("surface", [CONTROL, OSCP])
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_without_tokens_other_hosts_are_refused_on_every_surface(surface: Surface, method: str, host: str) -> None:
    """A page whose name was rebound to this machine sends its own name."""
    assert rule(surface, request(hosts=(host,), method=method), WITHOUT_TOKENS) == "host"


@pytest.mark.parametrize("hosts", [(), ("localhost", "localhost"), ("localhost", "evil.example")])
def test_without_tokens_exactly_one_host_is_needed(hosts: tuple[str, ...]) -> None:
    assert rule(OSCP, request(hosts=hosts), WITHOUT_TOKENS) == "host"


@pytest.mark.parametrize("surface", [CONTROL, OSCP])
@pytest.mark.parametrize("path", ["/path", "/livez"])
def test_without_tokens_what_a_proxy_forwards_is_refused_unless_the_surface_is_opened(
    surface: Surface, path: str
) -> None:
    asked = request(path=path, forwarded_by="x-real-ip")
    refusal = decide(surface, asked, Token.MISSING, WITHOUT_TOKENS)
    assert refusal is not None
    assert (refusal.status, refusal.rule) == (403, "forwarded")
    assert "x-real-ip" in refusal.detail
    assert "tokens" in refusal.hint
    assert rule(surface, asked, WITHOUT_TOKENS._replace(trusted_proxies=frozenset({"127.0.0.1"}))) == "forwarded"
    for settings in (WITH_TOKENS, EXPOSED, WITHOUT_TOKENS._replace(opened=frozenset({surface.name}))):
        assert rule(surface, asked, settings) == ""


@pytest.mark.parametrize("host", ["depot-sim", "depot-sim:8420", "depot.example", *LOOPBACK_HOSTS])
def test_with_tokens_any_host_is_accepted(host: str) -> None:
    for settings in (WITH_TOKENS, EXPOSED):
        assert rule(OSCP, request(hosts=(host,)), settings) == ""
        assert rule(CONTROL, request(hosts=(host,)), settings) == ""


@pytest.mark.parametrize("surface", [CONTROL, OSCP])
@pytest.mark.parametrize("settings", [WITHOUT_TOKENS, WITH_TOKENS, EXPOSED])
@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_a_page_of_another_origin_changes_nothing(surface: Surface, settings: DoorSettings, origin: str) -> None:
    for method in ("POST", "PUT", "PATCH", "DELETE", "ODD"):
        assert rule(surface, request(method=method, origins=(origin,)), settings) == "origin"
    assert rule(surface, request(method="GET", origins=(origin,)), settings) == ""
    assert rule(surface, request(method="GET", origins=(origin,), is_websocket=True), settings) == "origin"


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("http://127.0.0.1:8420", "127.0.0.1:8420"),
        ("http://localhost", "localhost"),
        ("http://LOCALHOST:80", "localhost"),
        ("http://[::1]:8420", "[::1]:8420"),
    ],
)
def test_a_page_of_the_same_origin_may_change_something(origin: str, host: str) -> None:
    assert rule(CONTROL, request(origins=(origin,), hosts=(host,)), WITHOUT_TOKENS) == ""


def test_behind_a_tls_proxy_the_default_port_is_the_same_origin() -> None:
    assert rule(CONTROL, request(origins=("https://depot.example",), hosts=("depot.example",)), WITH_TOKENS) == ""


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (WITHOUT_TOKENS, "origin"),
        (WITHOUT_TOKENS._replace(trusted_proxies=frozenset({"127.0.0.1"})), ""),
        (WITH_TOKENS, ""),
        (EXPOSED, ""),
    ],
)
def test_a_page_of_https_is_of_the_same_origin_only_where_a_tls_proxy_may_be(
    settings: DoorSettings, expected: str
) -> None:
    assert rule(CONTROL, request(origins=("https://127.0.0.1:8420",)), settings) == expected


def test_a_page_of_https_is_never_this_machine_without_a_proxy() -> None:
    assert requires_credentials(OSCP, request(origins=("https://127.0.0.1:8420",)), WITH_TOKENS)


@pytest.mark.parametrize("host", ["evil@127.0.0.1:8420", "127.0.0.1:8420/path", "127.0.0.1:8420#fragment"])
def test_no_origin_is_that_of_a_host_header_with_more_than_a_name_and_a_port(host: str) -> None:
    assert rule(OSCP, request(hosts=(host,), origins=("http://127.0.0.1:8420",)), WITH_TOKENS) == "origin"


def test_two_origins_are_never_the_same() -> None:
    assert rule(CONTROL, request(origins=("http://127.0.0.1:8420",) * 2), WITHOUT_TOKENS) == "origin"


def test_a_surface_that_asks_for_a_token_needs_a_valid_one() -> None:
    assert rule(CONTROL, request(), WITH_TOKENS, Token.MISSING) == "token.missing"
    assert rule(CONTROL, request(), WITH_TOKENS, Token.UNKNOWN) == "token.unknown"
    assert rule(CONTROL, request(), WITH_TOKENS, Token.VALID) == ""
    assert rule(CONTROL, request(path="/livez"), WITH_TOKENS, Token.MISSING) == ""
    assert rule(OSCP, request(), EXPOSED, Token.MISSING) == ""


def test_beyond_loopback_a_surface_without_tokens_is_closed_unless_opened_by_name() -> None:
    exposed = DoorSettings(has_tokens=False, is_exposed=True, opened=frozenset({"packets"}))
    asked = request(client="10.0.0.9")
    assert rule(CONTROL, asked, exposed) == "closed"
    assert rule(CONTROL, request(), exposed, Token.MISSING) == "closed"
    assert rule(Surface("packets", asks_token=True), request(hosts=("stand-in:8430",)), exposed, Token.MISSING) == ""


def test_an_opened_surface_still_refuses_pages_of_other_origins() -> None:
    opened = EXPOSED._replace(opened=frozenset({"oscp"}))
    assert rule(OSCP, request(origins=("http://evil.example",)), opened) == "origin"


@pytest.mark.parametrize(
    ("settings", "changes", "required"),
    [
        (WITHOUT_TOKENS, {}, False),
        (WITH_TOKENS, {}, False),
        (WITH_TOKENS, {"client": "::1", "hosts": ("[::1]:8420",)}, False),
        (WITH_TOKENS, {"hosts": ("rebound.example",)}, True),
        (WITH_TOKENS, {"client": "10.0.0.9"}, True),
        (WITH_TOKENS, {"client": ""}, True),
        (WITH_TOKENS, {"forwarded_by": "via"}, True),
        (EXPOSED, {}, True),
        (EXPOSED._replace(opened=frozenset({"oscp"})), {"client": "10.0.0.9"}, False),
        (WITH_TOKENS._replace(opened=frozenset({"oscp"})), {"forwarded_by": "via"}, False),
    ],
)
def test_sessions_need_credentials_for_what_does_not_come_from_this_machine(
    settings: DoorSettings, changes: dict[str, Any], required: bool
) -> None:
    assert requires_credentials(OSCP, request(**changes), settings) is required


@pytest.mark.parametrize(
    ("client", "forwarded_for", "sender"),
    [
        ("10.0.0.9", (), "10.0.0.9"),
        ("10.0.0.9", ("1.2.3.4",), "10.0.0.9"),
        ("10.0.0.1", ("1.2.3.4",), "1.2.3.4"),
        ("10.0.0.1", ("9.9.9.9, 1.2.3.4",), "1.2.3.4"),
        ("10.0.0.1", ("9.9.9.9", "1.2.3.4, 10.0.0.1"), "1.2.3.4"),
        ("10.0.0.1", ("1.2.3.4:5678",), "1.2.3.4"),
        ("10.0.0.1", ("9.9.9.9:1, 1.2.3.4:5678, 10.0.0.1:44",), "1.2.3.4"),
        ("10.0.0.1", ("[2001:db8:1:2::1]:44",), "2001:db8:1:2::/64"),
        ("10.0.0.1", ("[2001:db8:1:2::1]",), "2001:db8:1:2::/64"),
        ("10.0.0.1", ("2001:db8:1:2::1",), "2001:db8:1:2::/64"),
        ("10.0.0.1", ("::ffff:1.2.3.4",), "1.2.3.4"),
        ("10.0.0.1", ("[::ffff:1.2.3.4]:5678, [::ffff:10.0.0.1]:44",), "1.2.3.4"),
        ("::ffff:10.0.0.1", ("1.2.3.4",), "1.2.3.4"),
        ("2001:db8:0:0::9", ("1.2.3.4",), "1.2.3.4"),
        ("10.0.0.1", ("9.9.9.9, 1.2.3.4:port",), "unknown"),
        ("10.0.0.1", ("[1.2.3.4",), "unknown"),
        ("10.0.0.1", ("1.2.3.4" * 99,), "unknown"),
        ("10.0.0.9", ("1.2.3.4:5678",), "10.0.0.9"),
        ("10.0.0.1", (), "10.0.0.1"),
        ("10.0.0.1", ("nonsense",), "unknown"),
        ("", (), "unknown"),
        ("::1", (), "::1"),
        ("::ffff:10.0.0.9", (), "10.0.0.9"),
        ("fe80::1%eth0", (), "fe80::/64"),
        ("2001:db8:1:2:3:4:5:6", (), "2001:db8:1:2::/64"),
    ],
)
def test_the_sender_is_the_connection_s_address_or_what_a_trusted_proxy_says(
    client: str, forwarded_for: tuple[str, ...], sender: str
) -> None:
    settings = EXPOSED._replace(trusted_proxies=frozenset({"10.0.0.1", "2001:DB8::9"}))
    assert sender_of(client, forwarded_for, settings) == sender


@pytest.mark.parametrize("proxy", ["10.0.0.1", "::ffff:10.0.0.1", "::ffff:a00:1"])
@pytest.mark.parametrize("client", ["10.0.0.1", "::ffff:10.0.0.1"])
def test_a_trusted_proxy_is_known_in_every_notation_of_its_address(proxy: str, client: str) -> None:
    settings = EXPOSED._replace(trusted_proxies=frozenset({proxy}))
    assert sender_of(client, ("1.2.3.4:5678",), settings) == "1.2.3.4"


def test_no_name_of_another_machine_is_loopback() -> None:
    assert not any(map(is_loopback_name, ["", "0.0.0.0", "::", "depot", "10.0.0.1", "localhost.localdomain", "::1%lo"]))
