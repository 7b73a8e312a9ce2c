"""The yardstick of bench.oscp_inbound: a Litestar handler that decodes the body and answers 204."""

from __future__ import annotations

import argparse
import json
import os
import socket
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from litestar import Litestar, Request, post

_decode = msgspec.json.Decoder().decode


@post("/oscp/cp/2.0/{path:str}", status_code=204)
async def take(request: Request[Any, Any, Any]) -> None:
    _decode(await request.body())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--ready-file", type=Path)
    options = parser.parse_args()
    app = Litestar([take], openapi_config=None, logging_config=None)
    with socket.create_server(("127.0.0.1", options.port)) as listener:
        config = uvicorn.Config(app, http="h11", loop="uvloop", ws="none", lifespan="off", access_log=False)
        ready = {"url": f"http://127.0.0.1:{listener.getsockname()[1]}", "pid": os.getpid()}
        beside = options.ready_file.with_suffix(".part")
        beside.write_text(json.dumps(ready))
        beside.replace(options.ready_file)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
