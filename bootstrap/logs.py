"""Logs on stderr: one JSON object a line, with OpenTelemetry's names, or plain text for a person."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from depot_sim.bootstrap.settings import LogFormat

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
_SAMPLED = (
    "Invalid HTTP request received",
    "the HTTP parser failed",
    "the client disconnected before the end of its request",
    "client-disconnected",
)
"""How records begin of which one comes with each bad connection or request: anybody could fill the disk with them."""
_SAMPLED_EVERY_SECONDS = 60.0
_SEVERITIES = {"WARNING": "WARN", "CRITICAL": "FATAL"}


class JsonFormatter(logging.Formatter):
    """`mask` is applied to every text of a line before it is written as JSON."""

    def __init__(self, mask: Callable[[str], str] = str) -> None:
        super().__init__()
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        attributes: dict[str, object] = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if record.exc_info and record.exc_info[0] is not None:
            attributes["exception.type"] = record.exc_info[0].__name__
            attributes["exception.message"] = str(record.exc_info[1])
            attributes["exception.stacktrace"] = self.formatException(record.exc_info)
        line = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "severity_text": _SEVERITIES.get(record.levelname, record.levelname),
            "scope": record.name,
            "body": self._mask(record.getMessage()),
            "attributes": {name: self._masked(value) for name, value in attributes.items()},
        }
        return msgspec.json.encode(line).decode()

    def _masked(self, value: object) -> object:
        match value:
            case None | bool() | int() | float():
                return value
            case list() | tuple():
                return [self._masked(one) for one in value]
            case dict():
                return {str(name): self._masked(one) for name, one in value.items()}
        return self._mask(str(value))


class TextFormatter(logging.Formatter):
    """One line for a person; `mask` is applied to the whole."""

    def __init__(self, mask: Callable[[str], str] = str) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        return self._mask(super().format(record))


def configure_logs(log_format: LogFormat, mask: Callable[[str], str] = str) -> None:
    """Everything from INFO on, with secrets masked. Requests are counted in /metrics, not logged one by one."""
    handler = logging.StreamHandler(sys.stderr)
    if log_format is LogFormat.JSON:
        handler.setFormatter(JsonFormatter(mask))
    else:
        handler.setFormatter(TextFormatter(mask))
    handler.addFilter(Sampled())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("uvicorn.access").disabled = True
    logging.getLogger("uvicorn.error").addFilter(_is_not_about_upgrades)


class Sampled(logging.Filter):
    """Passes one record a minute of each kind that clients cause without a token; the next says how many were left out.

    `clock` is in seconds and never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._next: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        kind = next((start for start in _SAMPLED if text.startswith(start)), None)
        if kind is None:
            return True
        now = self._clock()
        if now < self._next.get(kind, now):
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return False
        self._next[kind] = now + _SAMPLED_EVERY_SECONDS
        left_out = self._left_out.pop(kind, 0)
        if left_out:
            vars(record)["left_out"] = left_out
        return True


def _is_not_about_upgrades(record: logging.LogRecord) -> bool:
    """False for what uvicorn warns of when a client offers to upgrade, as Java's does with each request.

    To decline the offer and to respond over HTTP/1.1 is what RFC 9110 7.8 wants.
    """
    return not record.getMessage().startswith(("Unsupported upgrade request", "No supported WebSocket library"))
