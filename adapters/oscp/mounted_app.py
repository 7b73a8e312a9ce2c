"""Several ASGI applications on one port, told apart by the beginning of the path."""

from __future__ import annotations

from collections.abc import Mapping

from adapters.oscp.asgi import App, Receive, Scope, Send


class MountedApp:
    """The application mounted at the prefix that a path lies below; `otherwise` gets all the rest, paths unchanged."""

    def __init__(self, mounts: Mapping[str, App], otherwise: App) -> None:
        self._mounts = tuple((prefix, f"{prefix}/", app) for prefix, app in mounts.items())
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app_at(scope.get("path", ""))(scope, receive, send)

    def _app_at(self, path: str) -> App:
        for prefix, below, app in self._mounts:
            if path.startswith(below) or path == prefix:
                return app
        return self._otherwise
