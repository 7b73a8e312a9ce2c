"""Logs on stderr: one JSON object a line, with OpenTelemetry's names, or plain text for a person."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import msgspec

from bootstrap.settings import LogFormat

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}
_SEVERITIES = {"WARNING": "WARN", "CRITICAL": "FATAL"}


class JsonFormatter(logging.Formatter):
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
            "body": record.getMessage(),
            "attributes": attributes,
        }
        return msgspec.json.encode(line, enc_hook=str).decode()


def configure_logs(log_format: LogFormat) -> None:
    """Everything from INFO on. Requests are counted in /metrics, not logged one by one."""
    handler = logging.StreamHandler(sys.stderr)
    if log_format is LogFormat.JSON:
        handler.setFormatter(JsonFormatter())
    else:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("uvicorn.access").disabled = True
