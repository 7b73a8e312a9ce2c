"""Errors that people read stand in the tree of domain/kernel/errors.py; its caller catches every other exception."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from depot_sim.domain.kernel import errors
from depot_sim.domain.kernel.errors import DepotSimError

ROOT = Path(__file__).parent.parent
PACKAGES = ("domain", "application", "adapters", "projections", "read_models", "bootstrap", "connection_guard")
"""Without the stand-in, a program of its own that shares no code with the simulator."""

CAUGHT_BY_CALLERS = {
    "depot_sim.domain.kernel.address.NotAnAddress": "readers of documents and commands make it a Fault with a pointer",
    "depot_sim.domain.oscp.wire.strict.Unclean": "the lenient reader takes over",
    "depot_sim.domain.packets.contract.manifest._Wrong": "becomes a Fault in the same module",
    "depot_sim.read_models.errors.QueryRefused": "a read model imports no domain; the API makes it InvalidInput",
    "depot_sim.read_models.store.Overtaken": "a read model imports no domain; projections read on from theirs",
    "depot_sim.adapters.control_api.event_streams._ClientReadsNothing": "ends the stream in the same module",
    "depot_sim.adapters.cli.failures.Interrupted": "Ctrl-C is no error; the command line ends with its remark",
    "depot_sim.connection_guard.framing._Refused": "becomes a response in the same module",
}
"""Exceptions outside the tree, and what becomes of them."""


def exceptions() -> list[type[BaseException]]:
    """Every exception class of the product."""
    modules = [importlib.import_module(name) for name in _module_names()]
    classes = [value for module in modules for value in vars(module).values() if isinstance(value, type)]
    own = {cls for cls in classes if cls.__module__.startswith(tuple(f"depot_sim.{name}." for name in PACKAGES))}
    return [cls for cls in own if issubclass(cls, BaseException)]


def _module_names() -> Iterator[str]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.stem != "__main__":
                names = ("depot_sim", *path.relative_to(ROOT).with_suffix("").parts)
                yield ".".join(names).removesuffix(".__init__")


def tree() -> dict[str, str]:
    """The parent of each error, by the docstring of domain/kernel/errors.py."""
    branch = re.compile(r"^((?:│   |    )*)[├└]── (\w+)")
    parents, path = {}, ["DepotSimError"]
    for line in (errors.__doc__ or "").splitlines():
        if found := branch.match(line):
            depth, name = len(found[1]) // 4 + 1, found[2]
            parents[name] = path[depth - 1]
            path[depth:] = [name]
    return parents


def test_the_tree_in_the_docstring_is_the_tree_of_classes() -> None:
    classes = {
        cls.__name__: cls.__bases__[0].__name__
        for cls in exceptions()
        if issubclass(cls, DepotSimError) and cls is not DepotSimError
    }
    assert tree() == classes


def test_every_other_exception_is_known_to_be_caught() -> None:
    others = {f"{cls.__module__}.{cls.__qualname__}" for cls in exceptions() if not issubclass(cls, DepotSimError)}
    assert others == CAUGHT_BY_CALLERS.keys()


@pytest.mark.parametrize("name", ["type", "title"])
def test_every_kind_of_error_has_a_type_and_a_title_of_its_own(name: str) -> None:
    kinds = [cls for cls in exceptions() if issubclass(cls, DepotSimError) and cls.__name__ != "RequestError"]
    values = [getattr(cls, name) for cls in kinds]
    assert len(set(values)) == len(kinds)
