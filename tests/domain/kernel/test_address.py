"""An address names a host and a port that can be, and holds no secret."""

from __future__ import annotations

import pytest

from depot_sim.domain.kernel.address import HTTP, WEBSOCKET, Address, NotAnAddress, address_fault, masked_address

SECRET = "hunter2!"


@pytest.mark.parametrize(
    ("text", "host", "port", "path", "query"),
    [
        ("http://x", "x", None, "", ""),
        ("https://a.b-c.example:8443/p/q", "a.b-c.example", 8443, "/p/q", ""),
        ("http://127.0.0.1:80/", "127.0.0.1", 80, "/", ""),
        ("http://[::1]:8420/oscp", "[::1]", 8420, "/oscp", ""),
        ("http://a_b.svc./x?depot=1&site=b", "a_b.svc.", None, "/x", "depot=1&site=b"),
        ("http://bücher.example/@a", "bücher.example", None, "/@a", ""),
    ],
)
def test_parts_of_an_address(text: str, host: str, port: int | None, path: str, query: str) -> None:
    address = Address.parse(text)
    assert (address.host, address.port, address.path, address.query) == (host, port, path, query)
    assert address.text == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "//x", "ftp://x", "http:x", "http://", "http:///x", "http://?a", "http://:80/"),
        *("http://[::1", "http://::1/", "http://[x]/", "http://[fe80::1%25eth0]/", "http://[::1]x/", "http://[]"),
        *("http://x:99999/", "http://x:0/", "http://x:/", "http://x:-1/", "http://x:８０/", "http://x:1:2/"),
        *("http://1.2.3/", "http://1.2.3.999/", "http://x..y/", "http://.x/", f"http://{'x' * 64}/"),
        *("http://a b/", "http://a/ b", "http://a/\nb", "http://a\\b/", "http://a/#f", f"http://a/{'x' * 2_000}"),
    ],
)
def test_no_address(text: str) -> None:
    with pytest.raises(NotAnAddress) as error:
        Address.parse(text)
    assert error.value.expected.startswith("an address that begins with http:// or https://")


@pytest.mark.parametrize(
    "text",
    [
        f"http://bob:{SECRET}@h/",
        f"http://{SECRET}@h/",
        f"http://bob:pa/{SECRET}@h/",
        f"http://bob:pa {SECRET}@h/",
        f"http://{'x' * 300}:{SECRET}@h/",
        f"http://h/?client_secret={SECRET}",
        f"http://h/?a=1&apikey={SECRET}",
        f"http://h/?a=1;%61pikey={SECRET}",
        f"http://h/p?sig={SECRET}&b=2",
        f"http://h/p?code={SECRET}",
        f"http://h:x/p?X-Amz-Signature={SECRET}",
    ],
)
def test_an_address_with_a_secret_is_refused_without_repeating_it(text: str) -> None:
    fault = address_fault(text, "/endpoint")
    assert fault is not None
    assert fault.pointer == "/endpoint"
    assert SECRET not in str(fault)


@pytest.mark.parametrize("text", [f"http://bob:{SECRET}@h/", f"http://h/?token={SECRET}"])
def test_the_fault_names_the_fix(text: str) -> None:
    fault = address_fault(text, "/endpoint")
    assert fault is not None
    assert "credentials.headers as a reference" in fault.expected


def test_a_base_url_has_no_query() -> None:
    assert address_fault("http://h/?depot=1", "/b") is None
    fault = address_fault("http://h/?depot=1", "/b", query=False)
    assert fault is not None
    assert "without a query" in fault.expected


def test_schemes_are_those_of_the_protocol() -> None:
    assert address_fault("ws://h/ocpp", "/e", WEBSOCKET) is None
    assert address_fault("ws://h/ocpp", "/e", HTTP) is not None


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"http://bob:{SECRET}@h/p", "http://***@h/p"),
        (f"https://h/p?a=1&apikey={SECRET}&b=2", "https://h/p?a=1&apikey=***&b=2"),
        (f"cannot reach http://bob:{SECRET}@h/?token={SECRET} now", "cannot reach http://***@h/?token=*** now"),
        ("http://h/@a?depot=b", "http://h/@a?depot=b"),
        ("nothing to mask: a@b, x=1", "nothing to mask: a@b, x=1"),
    ],
)
def test_secrets_in_addresses_of_older_logs_are_masked(text: str, shown: str) -> None:
    assert masked_address(text) == shown
