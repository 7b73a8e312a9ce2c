"""The front door, composed: surfaces, rules, tokens, the limit and the audit of refused requests."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Litestar

from depot_sim.adapters.control_api.path_templates import path_template_of
from depot_sim.adapters.control_api.problems import refusal as control_refusal
from depot_sim.adapters.front_door.asgi import FrontDoor, GuardedSurface, Response
from depot_sim.adapters.front_door.rate import RefusalRate
from depot_sim.adapters.front_door.rules import DoorSettings, Refusal, Surface, is_loopback_name
from depot_sim.adapters.front_door.token_source import TokenSource
from depot_sim.adapters.oscp import PREFIX
from depot_sim.application.access.refusals import RefusedRequests
from depot_sim.application.clock import Clock
from depot_sim.application.event_log import EventLog, Journal
from depot_sim.application.oscp.inbound.access import OscpReach
from depot_sim.bootstrap.limits import read_limits
from depot_sim.bootstrap.settings import Settings
from depot_sim.domain.kernel.errors import Fault, InvalidInput

CONTROL = Surface("control", asks_token=True, open_paths=frozenset({"/livez", "/readyz", "/openapi.json"}))
OSCP = Surface("oscp", asks_token=False)
OPENABLE = (OSCP.name,)
"""Surfaces that `--open` can name. The control API is not one of them."""


@dataclass(frozen=True, slots=True)
class Doors:
    """What the front door decides by."""

    settings: DoorSettings
    tokens: TokenSource
    limit: RefusalRate
    refused: RefusedRequests

    @property
    def oscp_reach(self) -> OscpReach:
        return OscpReach(self.settings.is_exposed, OSCP.name in self.settings.opened)


def open_tokens(settings: Settings, learn: Callable[[str], None]) -> TokenSource:
    """`learn` is called with every token, to mask it.

    Raises InvalidInput for wrong tokens, or for settings that need some; OSError for an unreadable tokens file.
    """
    check_reach(settings)
    return TokenSource(settings.tokens, settings.tokens_file, learn)


def compose_doors(settings: Settings, tokens: TokenSource, log: EventLog, journal: Journal, clock: Clock) -> Doors:
    rules = DoorSettings(
        has_tokens=bool(tokens),
        is_exposed=not is_loopback_name(settings.host),
        opened=frozenset(settings.opened),
        trusted_proxies=frozenset(settings.trusted_proxies),
    )
    limit = RefusalRate(read_limits(settings.limits).refused_per_minute, time.monotonic)
    return Doors(rules, tokens, limit, RefusedRequests(log, journal, clock))


def check_reach(settings: Settings) -> None:
    """Raises InvalidInput for an address beyond loopback without tokens, and for unknown names of surfaces."""
    for name in settings.opened:
        if name not in OPENABLE:
            fault = Fault("/open", repr(name), " or ".join(OPENABLE))
            raise InvalidInput([fault], f"there is no surface {name!r} that can be opened")
    if not settings.tokens and settings.tokens_file is None and not is_loopback_name(settings.host):
        expected = (
            "tokens in DEPOT_SIM_TOKENS or --tokens-file FILE, such as "
            "DEPOT_SIM_TOKENS=ops:operator:AT-LEAST-16-CHARACTERS, or --host 127.0.0.1"
        )
        fault = Fault("/host", f"{settings.host!r} without tokens", expected)
        detail = "the service listens on other addresses than loopback only with tokens"
        raise InvalidInput([fault], detail, "set DEPOT_SIM_TOKENS or --tokens-file, or listen on 127.0.0.1")


def behind_front_door(surfaces: Any, control: Litestar, doors: Doors) -> FrontDoor:
    """`surfaces` behind the door; `control` is the control API among them."""
    oscp = GuardedSurface(OSCP, (PREFIX,), lambda _: f"{PREFIX}/*", _oscp_response)
    default = GuardedSurface(CONTROL, (), path_template_of(control), _control_response)
    return FrontDoor(surfaces, (oscp,), default, doors.settings, doors.tokens, limit=doors.limit, audit=doors.refused)


def _control_response(refusal: Refusal) -> Response:
    headers, body = control_refusal(refusal.status, refusal.detail, refusal.hint)
    return Response(refusal.status, tuple(headers.items()), body)


def _oscp_response(refusal: Refusal) -> Response:
    body = msgspec.json.encode({"message": f"{refusal.detail}; {refusal.hint}"})
    return Response(refusal.status, (("content-type", "application/json"),), body)
