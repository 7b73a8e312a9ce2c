"""The stand-in as the compose file starts it: it answers its health check."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import yaml

from tests.e2e.processes import wait_for
from tests.packaging.locks import ROOT
from tests.processes import checkout_variables, module_command

SERVICE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["standin"]


def test_stand_in_of_the_profile_is_healthy(tmp_path: Path) -> None:
    name, *options = shlex.split(SERVICE["command"])
    assert name == "standin"
    health = re.search(r"http://127\.0\.0\.1:8430(/[^']*)", SERVICE["healthcheck"]["test"][-1])
    assert health is not None
    ready_file = tmp_path / "ready.json"
    command = module_command("standin", *options, "--port", "0", "--ready-file", str(ready_file))
    variables = {**checkout_variables(), "STANDIN_TOKENS": "0123456789abcdef"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=tmp_path, env=variables, text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            wait_for(ready_file.exists, process)
            port = urlsplit(json.loads(ready_file.read_bytes())["url"]).port
            assert httpx.get(f"http://127.0.0.1:{port}{health[1]}", trust_env=False).status_code == 200
        finally:
            process.kill()
            process.communicate()
