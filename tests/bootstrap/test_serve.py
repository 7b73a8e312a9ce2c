"""Where a service may listen, and under which name others find it."""

from __future__ import annotations

import faulthandler
import gc
import socket
import threading
from collections.abc import Callable

import pytest

import depot_sim.bootstrap.serve
from depot_sim.bootstrap.front_door import check_reach
from depot_sim.bootstrap.msgspec_types import build_types
from depot_sim.bootstrap.serve import owner_of, serve
from depot_sim.bootstrap.settings import Settings
from depot_sim.domain.kernel.errors import InvalidInput

TOKEN = "ana:viewer:0123456789abcdef"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_on_loopback_no_token_is_needed(host: str) -> None:
    check_reach(Settings(host=host), ())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "depot.example", ""])
def test_beyond_loopback_tokens_are_needed(host: str) -> None:
    with pytest.raises(InvalidInput) as error:
        check_reach(Settings(host=host), ())
    assert error.value.faults[0].pointer == "/host"
    assert "tokens" in error.value.faults[0].expected
    check_reach(Settings(host=host, tokens=(TOKEN,)), ())


@pytest.mark.parametrize(
    ("host", "url", "owner"),
    [
        ("10.0.0.7", "http://10.0.0.7:8420", "http://10.0.0.7:8420"),
        ("127.0.0.1", "http://127.0.0.1:8420", f"http://127.0.0.1:8420#{socket.gethostname()}"),
        ("0.0.0.0", "http://0.0.0.0:8420", f"http://0.0.0.0:8420#{socket.gethostname()}"),
    ],
)
def test_no_two_machines_have_an_owner_of_the_same_name(host: str, url: str, owner: str) -> None:
    assert owner_of(host, url) == owner


def test_types_are_built_before_the_first_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    threads_before = threading.active_count()
    steps: list[str] = []

    def noting(name: str, step: Callable[..., object]) -> Callable[..., object]:
        def note(*arguments: object) -> object:
            assert threading.active_count() == threads_before
            steps.append(name)
            return step(*arguments)

        return note

    async def served(*_: object) -> None:
        """In place of the service."""

    monkeypatch.setattr(depot_sim.bootstrap.serve, "build_types", noting("types", build_types))
    monkeypatch.setattr(depot_sim.bootstrap.serve, "_serve", noting("service", served))
    monkeypatch.setattr(depot_sim.bootstrap.serve, "configure_logs", lambda *_: None)
    monkeypatch.setattr(faulthandler, "enable", lambda: None)
    monkeypatch.setattr(gc, "set_threshold", lambda *_: None)
    serve(Settings(port=0))
    assert steps == ["types", "service"]
