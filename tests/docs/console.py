"""Runs the examples of a page: what they use of the shell, curl, jq and grep, spoken to a service over httpx."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any, NamedTuple

import httpx

ROOT = Path(__file__).parents[2]
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ASSIGNMENT = re.compile(r"(\w+)=(?:\$\((.*)\)|(\S*))", re.DOTALL)


class Example(NamedTuple):
    """A command and what the page says it prints; "…" stands for anything."""

    command: str
    printed: str

    def matches(self, output: str) -> bool:
        pattern = ".*".join(map(re.escape, self.printed.split("…")))
        return re.fullmatch(pattern, output.rstrip("\n"), re.DOTALL) is not None


def examples(page: str) -> Iterator[Example]:
    """Those of all console blocks, in their order. A command goes on over lines that are indented."""
    for block in _BLOCK.findall(page):
        for said in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = said.splitlines()
            length = next((n for n, line in enumerate(lines[1:], 1) if not line.startswith("    ")), len(lines))
            yield Example("\n".join(lines[:length]).replace("\\\n", "\n"), "\n".join(lines[length:]))


class Shell:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._variables: dict[str, str] = {}

    async def run(self, command: str) -> str:
        """What it prints."""
        assignment = _ASSIGNMENT.fullmatch(command)
        if assignment is None:
            return await self._pipe(command)
        name, inner, text = assignment.groups()
        self._variables[name] = self._filled(text) if inner is None else (await self._pipe(inner)).strip()
        return ""

    async def _pipe(self, command: str) -> str:
        words = shlex.split(self._filled(command))
        output = ""
        while words:
            end = words.index("|") if "|" in words else len(words)
            program, *arguments = words[:end]
            words = words[end + 1 :]
            match program:
                case "curl":
                    output = await self._curl(arguments)
                case "jq":
                    output = _jq(arguments, output)
                case "grep":
                    output = _grep(arguments, output)
                case _:
                    raise AssertionError(f"{program} is not known here")
        return output

    async def _curl(self, arguments: list[str]) -> str:
        method, url, headers, body = "", "", {}, None
        words = iter(arguments)
        for word in words:
            match word:
                case "-s":
                    continue
                case "-X":
                    method = next(words)
                case "-H":
                    name, _, value = next(words).partition(": ")
                    headers[name] = value
                case "-d":
                    body = next(words).encode()
                case "--data-binary":
                    body = (ROOT / next(words).removeprefix("@")).read_bytes()
                case "--json":
                    body, headers["Content-Type"] = next(words).encode(), "application/json"
                case _:
                    url = word
        method = method or ("GET" if body is None else "POST")
        return (await self._http.request(method, url, headers=headers, content=body)).text

    def _filled(self, text: str) -> str:
        return Template(text).substitute(self._variables)


def _grep(arguments: list[str], text: str) -> str:
    *options, pattern = arguments
    found = [line for line in text.splitlines() if re.search(pattern, line)]
    return str(len(found)) if options == ["-c"] else "\n".join(found)


def _jq(arguments: list[str], text: str) -> str:
    *options, path = arguments
    values: list[Any] = [json.loads(text)]
    for step in path.split(" | "):
        values = [found for value in values for found in _step(step, value)]
    if options == ["-r"]:
        return "\n".join(values)
    style: dict[str, Any] = {"separators": (",", ":")} if options == ["-c"] else {"indent": 2}
    return "\n".join(json.dumps(value, ensure_ascii=False, **style) for value in values)


def _step(step: str, value: Any) -> list[Any]:
    if step == ".":
        return [value]
    if step.startswith("{"):
        return [{name: value[name] for name in step.strip("{}").split(", ")}]
    if step.endswith("[]"):
        return list(value[step[1:-2]])
    return [value[step[1:]]]
