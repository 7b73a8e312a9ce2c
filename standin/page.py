"""The state page: how every connection and the microgrid stand, at a glance. It looks again every second."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from itertools import islice
from pathlib import Path

from aiohttp import web

from depot_sim.standin.constraint import Limit, Source
from depot_sim.standin.forecasts import Forecast
from depot_sim.standin.html import kw, pill, table, time
from depot_sim.standin.journal import Entry
from depot_sim.standin.link import Link
from depot_sim.standin.packets.card import microgrid_card, packets_panel
from depot_sim.standin.packets.intake import Intake
from depot_sim.standin.provider import Provider, Stray

_FOLDER = Path(__file__).parent
_LINES = 10

_SOURCES = {
    Source.PRIMARY: "by the primary forecast",
    Source.FALLBACK: "by the fallback forecast",
    Source.GAP_POLICY: "by the gap policy",
    Source.NONE: "not by OSCP",
}


class StatePage:
    """Serves the page, and its content alone for the script that refreshes it."""

    def __init__(self, provider: Provider, intake: Intake) -> None:
        self._provider = provider
        self._intake = intake
        self._template = _text("page.html")
        self._style = _text("page.css")
        self._script = _text("page.js")

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self._page),
            web.get("/connections.html", self._connections),
            web.get("/page.css", self._serve_style),
            web.get("/page.js", self._serve_script),
        ]

    async def _page(self, _: web.Request) -> web.Response:
        return _html(self._template.replace("{{connections}}", self._content()))

    async def _serve_style(self, _: web.Request) -> web.Response:
        return web.Response(text=self._style, content_type="text/css")

    async def _serve_script(self, _: web.Request) -> web.Response:
        return web.Response(text=self._script, content_type="text/javascript")

    async def _connections(self, _: web.Request) -> web.Response:
        return _html(self._content())

    def _content(self) -> str:
        panels = "".join(map(_panel, self._provider.links())) or "<p class=muted>No connection is configured.</p>"
        packets = f"{microgrid_card(self._intake)}{packets_panel(self._intake)}"
        return f"<h1>Stand-in platform</h1>{panels}{_strays(self._provider.strays)}{packets}"


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _html(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html")


def _panel(link: Link) -> str:
    connection, constraint = link.connection, link.connection.scope.constraint
    return (
        f'<section class="panel {constraint.mode}"><header><h2>{escape(link.profile.scope_name)}</h2>'
        f"{pill(connection.lifecycle)}{pill(constraint.mode)}<code>{escape(connection.configuration_id)}</code>"
        f"<span class=muted>group {escape(link.profile.group_id)} · {link.profile.measurement_mode}</span></header>"
        f"<div class=parts>{_limits(link)}{_liveness(link)}{_forecasts(link)}{_incidents(link)}{_messages(link)}</div>"
        "</section>"
    )


def _limits(link: Link) -> str:
    constraint = link.connection.scope.constraint
    return (
        f"<div><h3>Consumption</h3><div class=limit>{_kw(constraint.consumption)}</div>"
        f"<div class=muted>{_SOURCES[constraint.consumption.source]}{_until(constraint.consumption)}</div>"
        f"<div class=muted>Generation: {_kw(constraint.generation)}, {_SOURCES[constraint.generation.source]}</div>"
        "</div>"
    )


def _kw(limit: Limit) -> str:
    return kw(limit.kw, "no limit")


def _until(limit: Limit) -> str:
    return f", until {time(limit.block.end_time)}" if limit.block else ""


def _liveness(link: Link) -> str:
    connection, standing, sent = link.connection, link.connection.standing, link.last_heartbeat_sent
    error = connection.history.last_error
    rows = [
        ("heartbeat received", time(connection.last_heartbeat_received)),
        ("offline at", time(connection.offline_at) if connection.stands else "–"),
        ("heartbeat sent", f"{time(sent.at)} {sent.outcome}" if sent else "–"),
        ("every", _rates(standing.receive_heartbeats_every, standing.send_heartbeats_every) if standing else "–"),
        (
            "latest error",
            f"{time(error.at)} {error.text}{' (cleared)' if error.cleared_at else ''}" if error else "none",
        ),
    ]
    return f"<div><h3>Liveness</h3>{table(rows)}</div>"


def _rates(receive: float, send: float | None) -> str:
    return f"{receive:g} s in, {f'{send:g} s' if send else 'none'} out"


def _forecasts(link: Link) -> str:
    rows = [_forecast_row(forecast, link) for forecast in link.connection.scope.forecasts.values()]
    return f"<div><h3>Forecasts</h3>{table(rows) if rows else '<span class=muted>none</span>'}</div>"


def _forecast_row(forecast: Forecast, link: Link) -> tuple[str, ...]:
    block = forecast.block_at(link.scope_time())
    now = f"{block.kw:,.1f} kW now" if block else "nothing for now"
    return forecast.type, f"{len(forecast.blocks)} blocks", now


def _incidents(link: Link) -> str:
    incidents = link.connection.history.incidents
    rows = [
        (time(one.opened_at), "open" if one.closed_at is None else f"until {time(one.closed_at)}", one.reason)
        for one in islice(reversed(incidents), _LINES)
    ]
    return f"<div><h3>Incidents</h3>{table(rows) if rows else '<span class=muted>none</span>'}</div>"


def _messages(link: Link) -> str:
    rows = [_message_row(entry) for entry in islice(reversed(link.journal.entries), _LINES)]
    head = ("at", "", "message", "answer", "")
    return f"<div class=wide><h3>Latest messages</h3>{table(rows, head)}</div>"


def _message_row(entry: Entry) -> tuple[str, ...]:
    arrow = "→" if entry.direction == "outbound" else "←"
    told = f" [told to {entry.misbehaviour}]" if entry.misbehaviour else ""
    status = "–" if entry.status is None else str(entry.status)
    return time(entry.at), arrow, entry.message, status, (entry.error or "") + told


def _strays(strays: Iterable[Stray]) -> str:
    rows = [(time(one.at), one.message, str(one.status), one.reason) for one in islice(reversed([*strays]), _LINES)]
    header, lines = "<header><h2>Turned away</h2></header>", f"<div class=wide>{table(rows)}</div>"
    return f"<section class=panel>{header}<div class=parts>{lines}</div></section>" if rows else ""
