"""Logs as JSON lines."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

from depot_sim.bootstrap.logs import JsonFormatter, Sampled, TextFormatter


def line(level: int, message: str, *arguments: object, exception: bool = False, **attributes: object) -> dict[str, Any]:
    record = logging.LogRecord("depot_sim.runs", level, __file__, 1, message, arguments, None)
    record.__dict__.update(attributes)
    if exception:
        record.exc_info = sys.exc_info()
    written = JsonFormatter().format(record)
    assert "\n" not in written
    read: dict[str, Any] = json.loads(written)
    return read


def test_a_line_says_when_how_bad_where_and_what() -> None:
    written = line(logging.WARNING, "%d runs lost", 3, run_id="r", taken=["s"], path=Path("a"))
    assert written["timestamp"].endswith("+00:00")
    assert written["severity_text"] == "WARN"
    assert written["scope"] == "depot_sim.runs"
    assert written["body"] == "3 runs lost"
    assert written["attributes"] == {"run_id": "r", "taken": ["s"], "path": "a"}


def test_an_exception_comes_with_its_trace() -> None:
    try:
        raise ValueError("not this")
    except ValueError:
        attributes = line(logging.ERROR, "it failed", exception=True)["attributes"]
    assert attributes["exception.type"] == "ValueError"
    assert attributes["exception.message"] == "not this"
    assert "test_logs.py" in attributes["exception.stacktrace"]


def test_secrets_are_masked_before_a_line_is_written_as_json() -> None:
    """Also one that looks like a part of the line."""
    record = logging.LogRecord("depot_sim.runs", logging.INFO, __file__, 1, "body of %s", ("hunter2!",), None)
    record.__dict__.update(error="hunter2!", list=["hunter2!", 1], inner={"a": "hunter2!"}, path=Path("/hunter2!"))
    written = JsonFormatter(lambda text: text.replace("hunter2!", "***").replace("body", "***")).format(record)
    line = json.loads(written)
    assert line["body"] == "*** of ***"
    assert line["attributes"] == {"error": "***", "list": ["***", 1], "inner": {"a": "***"}, "path": "/***"}


def test_secrets_are_masked_in_text_lines() -> None:
    record = logging.LogRecord("depot_sim.runs", logging.INFO, __file__, 1, "see %s", ("hunter2!",), None)
    assert "hunter2!" not in TextFormatter(lambda text: text.replace("hunter2!", "***")).format(record)


def test_bad_requests_are_logged_once_a_minute_each_kind_with_the_number_left_out() -> None:
    now = 0.0
    sampled = Sampled(lambda: now)

    def passed(text: str) -> object:
        record = logging.LogRecord("uvicorn.error", logging.WARNING, __file__, 1, text, (), None)
        return sampled.filter(record) and vars(record).get("left_out", 0)

    invalid, gone = "Invalid HTTP request received.", "client-disconnected: the rest of the body"
    assert [passed(invalid) for _ in range(4)] == [0, False, False, False]
    assert [passed(gone), passed(gone)] == [0, False]
    assert [passed("a run is lost"), passed("a run is lost")] == [0, 0]
    now = 60.0
    assert [passed(invalid), passed(invalid), passed(gone)] == [3, False, 1]
    now = 120.0
    assert passed(gone) == 0
