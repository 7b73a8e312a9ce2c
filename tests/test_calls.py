"""No call passes so many positional arguments that two of the same type could change places unseen."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = (
    *("domain", "application", "adapters", "projections", "read_models", "bootstrap"),
    *("connection_guard", "standin", "bench"),
)
MAX_POSITIONAL_ARGUMENTS = 6
TAKE_ANY_NUMBER = frozenset({"zip", "product", "topics_of", "_by_code", "run_in_executor"})
"""Functions whose positional arguments are all of one kind, or go to another function."""


def long_calls(source: str) -> Iterator[str]:
    """Every call with more positional arguments than that, with its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and len(node.args) > MAX_POSITIONAL_ARGUMENTS:
            called = ast.unparse(node.func)
            if called.rpartition(".")[2] not in TAKE_ANY_NUMBER:
                yield f"line {node.lineno}: {called} gets {len(node.args)} positional arguments; use keywords"


@pytest.mark.parametrize("folder", FOLDERS)
def test_calls_with_many_arguments_use_keywords(folder: str) -> None:
    found = [f"{path.relative_to(ROOT)}, {call}" for path in _sources(folder) for call in long_calls(path.read_text())]
    assert not found, "\n".join(found)


def _sources(folder: str) -> list[Path]:
    sources = sorted((ROOT / folder).rglob("*.py"))
    assert sources, f"no Python file in {folder}"
    return sources


@pytest.mark.parametrize(
    ("source", "is_long"),
    [
        ("f(1, 2, 3, 4, 5, 6)", False),
        ("f(1, 2, 3, 4, 5, 6, 7)", True),
        ("f(1, 2, 3, 4, 5, 6, g=7)", False),
        ("f(1, 2, 3, 4, 5, *rest)", False),
        ("a.f(b(1, 2, 3, 4, 5, 6, 7))", True),
        ("zip(a, b, c, d, e, f, g)", False),
        ("loop.run_in_executor(None, f, 1, 2, 3, 4, 5)", False),
    ],
)
def test_long_calls_are_found(source: str, is_long: bool) -> None:
    assert bool(list(long_calls(source))) is is_long
