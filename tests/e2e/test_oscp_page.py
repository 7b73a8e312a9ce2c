"""The page about OSCP: what "Try it" says can be pasted and brings a session online."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx

from tests.docs.console import Shell
from tests.e2e.oscp_sides import eventually
from tests.e2e.processes import serving
from tests.patience import patient
from tests.processes import ROOT, finish, killed_at_end, start_module, wait_for

PAGE = (ROOT / "docs" / "oscp.md").read_text(encoding="utf-8")
_INSTALL, _START, TRY = re.findall(r"```sh\n(.*?)```", PAGE.partition("## Try it")[2].partition("\n## ")[0], re.DOTALL)


def messages_after(script: str) -> list[Any]:
    """What the last command of the script lists. A command goes on over lines that are indented."""

    async def play() -> str:
        printed = ""
        async with httpx.AsyncClient(trust_env=False, timeout=patient(60)) as http:
            shell = Shell(http)
            for command in re.split(r"\n(?! )", script.strip()):
                printed = await shell.run(command.replace("\\\n", "\n"))
        return printed

    listed: list[Any] = json.loads(asyncio.run(play()))["messages"]
    return listed


def test_the_commands_bring_a_session_online(tmp_path: Path) -> None:
    ready_file = tmp_path / "standin.json"
    arguments = ("--port", "0", "--ready-file", str(ready_file))
    with serving("memory:", tmp_path) as cp, killed_at_end(start_module("depot_sim.standin", *arguments)) as standin:
        wait_for(ready_file.exists, standin)
        fp = json.loads(ready_file.read_bytes())["url"]
        assert TRY.count("8420") == TRY.count("8430") == 1
        listed = messages_after(TRY.replace("http://127.0.0.1:8420", cp).replace("http://127.0.0.1:8430", fp))
        assert "Handshake" in {message["message_type"] for message in listed}
        with httpx.Client(base_url=cp, trust_env=False, timeout=patient(60)) as http:
            [run] = http.get("/simulation-runs").json()["runs"]
            path = f"/simulation-runs/{run['id']}/oscp-sessions"
            eventually(lambda: http.get(path).json()["sessions"][0]["state"], lambda state: bool(state == "online"))
        standin.terminate()
        assert finish(standin).code == 0
