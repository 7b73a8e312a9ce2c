"""A partner that repeats every secret it is sent, and what it grants and sends by itself."""

from __future__ import annotations

import json
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import quote

GRANTED, SESSION_TOKEN = "token-granted-by-oauth2", "received-X-Session-Token-4711"


class Partner:
    """Repeats every header it was sent, in every encoding, in the headers and the body of its answer."""

    def __init__(self) -> None:
        self.requests: list[dict[str, str]] = []
        self.status = 403
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = False
        self._thread = Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        partner = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", "0")))
                partner.requests.append(dict(self.headers))
                body = json.dumps({"access_token": GRANTED, "expires_in": 3600}).encode()
                if self.path != "/token":
                    body = _repeated(self.headers.items())
                self.send_response(200 if self.path == "/token" else partner.status)
                self.send_header("X-Session-Token", SESSION_TOKEN)
                self.send_header("X-Repeated", quote(self.headers.get("X-Api-Key", "nothing")))
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        return Handler


def _repeated(headers: Any) -> bytes:
    values = [value.rpartition(" ")[2] if name == "Authorization" else value for name, value in headers]
    encoded = [[value, quote(value, safe=""), b64encode(f"user:{value}".encode()).decode()] for value in values]
    return json.dumps({"message": "wrong", "you said": encoded}).encode()
