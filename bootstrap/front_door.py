"""The front door, composed: surfaces, rules, tokens, the limit and the audit of refused requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from litestar import Litestar

from depot_sim.adapters.control_api.path_templates import path_template_of
from depot_sim.adapters.control_api.problems import refusal as control_refusal
from depot_sim.adapters.front_door.asgi import FrontDoor, GuardedSurface, Response
from depot_sim.adapters.front_door.rate import RefusalRate
from depot_sim.adapters.front_door.rules import DoorSettings, Refusal, Surface, is_loopback_name
from depot_sim.adapters.front_door.token_source import TokenSource
from depot_sim.adapters.http import Secrets
from depot_sim.application.access.refusals import RefusedRequests
from depot_sim.application.clock import Clock
from depot_sim.application.event_log import EventLog, Journal
from depot_sim.bootstrap.limits import read_limits
from depot_sim.bootstrap.settings import Settings
from depot_sim.domain.kernel.errors import Fault, InvalidInput

CONTROL = Surface("control", asks_token=True, open_paths=frozenset({"/livez", "/readyz", "/openapi.json"}))


class ProtocolSurface(NamedTuple):
    """Where the partners of a protocol family send requests: every path at or below `prefix`.

    The family authenticates them itself. `name` is what `--open` takes. `respond` words refusals of the front door.
    `kept_body_bytes` is how much of a body the family keeps in memory.
    """

    name: str
    prefix: str
    respond: Callable[[Refusal], Response]
    kept_body_bytes: int


@dataclass(frozen=True, slots=True)
class Doors:
    """What the front door decides by. `surfaces` are those beside the control API."""

    surfaces: Sequence[ProtocolSurface]
    settings: DoorSettings
    tokens: TokenSource
    limit: RefusalRate
    refused: RefusedRequests


def open_tokens(settings: Settings, secrets: Secrets, surfaces: Sequence[ProtocolSurface]) -> TokenSource:
    """`secrets` learns every token, to mask it.

    Raises InvalidInput for wrong tokens, or for settings that need some; OSError for an unreadable tokens file.
    """
    check_reach(settings, surfaces)
    return TokenSource(settings.tokens, settings.tokens_file, secrets.learn_token, secrets.written_in)


def compose_doors(
    settings: Settings,
    surfaces: Sequence[ProtocolSurface],
    tokens: TokenSource,
    log: EventLog,
    journal: Journal,
    clock: Clock,
) -> Doors:
    rules = DoorSettings(
        has_tokens=bool(tokens),
        is_exposed=not is_loopback_name(settings.host),
        opened=frozenset(settings.opened),
        trusted_proxies=frozenset(settings.trusted_proxies),
    )
    limit = RefusalRate(read_limits(settings.limits).refused_per_minute, time.monotonic)
    return Doors(surfaces, rules, tokens, limit, RefusedRequests(log, journal, clock))


def check_reach(settings: Settings, surfaces: Sequence[ProtocolSurface]) -> None:
    """Raises InvalidInput for an address beyond loopback without tokens, and for unknown names of surfaces.

    `surfaces` are those that `--open` can name. The control API is not one of them.
    """
    openable = [surface.name for surface in surfaces]
    for name in settings.opened:
        if name not in openable:
            fault = Fault("/open", repr(name), " or ".join(openable))
            raise InvalidInput([fault], f"there is no surface {name!r} that can be opened")
    if not settings.tokens and settings.tokens_file is None and not is_loopback_name(settings.host):
        expected = (
            "tokens in DEPOT_SIM_TOKENS or --tokens-file FILE, such as "
            "DEPOT_SIM_TOKENS=ops:operator:AT-LEAST-16-CHARACTERS, or --host 127.0.0.1"
        )
        fault = Fault("/host", f"{settings.host!r} without tokens", expected)
        detail = "the service listens on other addresses than loopback only with tokens"
        raise InvalidInput([fault], detail, "set DEPOT_SIM_TOKENS or --tokens-file, or listen on 127.0.0.1")


def behind_front_door(application: Any, control: Litestar, doors: Doors) -> FrontDoor:
    """`application` serves every surface; `control` is the control API among them."""
    protocols = tuple(map(_guarded, doors.surfaces))
    default = GuardedSurface(CONTROL, (), path_template_of(control), _control_response)
    rules, tokens = doors.settings, doors.tokens
    return FrontDoor(application, protocols, default, rules, tokens, limit=doors.limit, audit=doors.refused)


def _guarded(surface: ProtocolSurface) -> GuardedSurface:
    rules, prefix = Surface(surface.name, asks_token=False), surface.prefix
    return GuardedSurface(rules, (prefix,), lambda _: f"{prefix}/*", surface.respond)


def _control_response(refusal: Refusal) -> Response:
    headers, body = control_refusal(refusal.status, refusal.detail, refusal.hint)
    return Response(refusal.status, tuple(headers.items()), body)
