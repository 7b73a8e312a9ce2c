"""A flexibility provider made of pyoscp alone; it runs in pyoscp's own environment and knows nothing of this project.

`pyoscp_provider.py FOLDER CP_URL CP_TOKEN FP_TOKEN`: what it knows of the capacity provider and what it was sent is in
FOLDER, as JSON; ready.json is there once it answers.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from flask import Flask
from oscp import createBlueprint
from oscp.RegistrationManager import RegistrationDictMan, RegistrationMan
from werkzeug.serving import make_server

_TICK_SECONDS = 0.2


class Registrations(RegistrationDictMan):  # type: ignore[misc]  # pyoscp ships no types
    """pyoscp's own, but that its background work is done more often than every 5 s."""

    def __init__(self, version_urls: list[dict[str, str]], filename: str) -> None:
        self.filename = filename
        self.writeJson({})
        RegistrationMan.__init__(self, version_urls, background_interval=_TICK_SECONDS)


class Forecasts:
    """Keeps what it is given."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._taken: list[object] = []

    def handleUpdateGroupCapacityForecast(self, payload: object, token: str) -> None:  # noqa: N802 - pyoscp's name
        self._taken.append({"payload": payload, "token": token})
        self._file.write_text(json.dumps(self._taken))


def main(folder: Path, cp_url: str, cp_token: str, fp_token: str) -> None:
    registrations = Registrations([{"version": "2.0", "base_url": ""}], str(folder / "endpoints.json"))
    registrations._updateService(cp_token, fp_token, cp_url, "2.0")  # as a registration would do
    forecasts = Forecasts(folder / "forecasts.json")
    app = Flask("provider")
    app.register_blueprint(
        createBlueprint({"registrationmanager": registrations, "flexibilityprovider": forecasts}, actor="fp")
    )
    server = make_server("127.0.0.1", 0, app, threaded=True)
    registrations.start()
    (folder / "ready.json").write_text(json.dumps({"url": f"http://127.0.0.1:{server.port}/oscp/fp/2.0"}))
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
