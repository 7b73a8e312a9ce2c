"""The path template of a path, for requests that are refused before the framework has routed them."""

from __future__ import annotations

from collections.abc import Callable

from litestar import Litestar
from litestar.routes import HTTPRoute

UNKNOWN = "none"


def path_template_of(app: Litestar) -> Callable[[str], str]:
    """A function from a path to the template of the route that has it, UNKNOWN when there is none."""
    templates = [route.path_format for route in app.routes if isinstance(route, HTTPRoute)]
    by_length: dict[int, list[tuple[tuple[str, ...], str]]] = {}
    for template in sorted(templates, key=lambda one: one.count("{")):  # a literal segment goes before a parameter
        parts = tuple(template.strip("/").split("/"))
        by_length.setdefault(len(parts), []).append((parts, template))

    def find(path: str) -> str:
        said = path.strip("/").split("/")
        for parts, template in by_length.get(len(said), ()):
            if all(part.startswith("{") or part == given for part, given in zip(parts, said, strict=True)):
                return template
        return UNKNOWN

    return find
