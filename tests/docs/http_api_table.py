"""The table of routes on the page about the HTTP API, as the page has it and as the app would write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

PAGE = Path(__file__).parents[2] / "docs" / "http-api.md"
_SHORT = {"{session}": "{run}/oscp-sessions/{session_id}", "{run}": "/simulation-runs/{run_id}"}


class Row(NamedTuple):
    """`takes` are the fields of the body, or the parameters of the query, "?" behind those that may be left out."""

    takes: str
    does: str


def rows_of_page() -> dict[str, Row]:
    """By "METHOD /path"."""
    table = PAGE.read_text(encoding="utf-8").partition("## Every route")[2]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("| `")]
    return {_whole(route.strip("`")): Row(takes, does) for route, takes, does in rows}


def takes_of_app(description: dict[str, Any]) -> dict[str, str]:
    """What every operation of an OpenAPI description takes, by "METHOD /path"."""
    return {
        f"{method.upper()} {path}": ", ".join(_taken(operation, description))
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
    }


def _whole(route: str) -> str:
    for short, path in _SHORT.items():
        route = route.replace(short, path)
    return route


def _taken(operation: dict[str, Any], description: dict[str, Any]) -> list[str]:
    query = [each["name"] + "?" * (not each["required"]) for each in operation["parameters"] if each["in"] == "query"]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = description["components"]["schemas"].get(body.get("schema", {}).get("$ref", "").rpartition("/")[2], {})
    if "topology" in schema.get("properties", {}):
        return ["a definition"]
    names = query + [name + "?" * (name not in schema["required"]) for name in schema.get("properties", ())]
    return [f"`{name}`" for name in names]
