"""What a path that is not there was probably meant to be."""

from __future__ import annotations

from difflib import get_close_matches

from litestar import Litestar
from litestar.routes import HTTPRoute

_LONGEST = 200  # characters: comparing takes time in their square


def nearest_path(app: Litestar, path: str) -> str | None:
    """The most similar path the app has, with what `path` says in the places of ids; None when none is similar."""
    if len(path) > _LONGEST:
        return None
    said = path.split("/")
    known = {_filled(route.path_format.split("/"), said) for route in app.routes if isinstance(route, HTTPRoute)}
    return next(iter(get_close_matches(path, sorted(known), n=1, cutoff=0.8)), None)


def _filled(parts: list[str], said: list[str]) -> str:
    """A route's parts with ids from the same places of what was said, or from nowhere."""
    filled = [said[place] if part.startswith("{") and place < len(said) else part for place, part in enumerate(parts)]
    return "/".join(filled)
