"""A lint of the pure layers, where ruff has no rule: which modules a layer may import, and no float in state.

Two nets hang under determinism. ruff's banned-api list (pyproject.toml) resolves aliases of clock and randomness
calls; this lint reads the syntax tree for what is left: I/O modules, third-party libraries, floats.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from typing import NamedTuple

_CLOCK_OR_RANDOM_MODULES = frozenset({"random", "secrets", "time"})
_IO_MODULES = frozenset(
    {
        *("asyncio", "multiprocessing", "select", "selectors", "signal", "subprocess", "threading"),
        *("fcntl", "io", "logging", "mmap", "os", "pathlib", "shutil", "tempfile"),
        *("http", "socket", "sqlite3", "ssl", "urllib"),
    }
)
_PURE_TEXT = frozenset({"urllib.parse"})
"""Modules that only work on text, whatever package they are in."""
_WALL_CLOCK_CALL = re.compile(r"(?:^|\.)(?:datetime\.(?:now|utcnow|today)|date\.today|get_running_loop\(\)\.time)$")
_RANDOM_ID = re.compile(r"(?:^|\.)uuid[14]$")


class Layer(NamedTuple):
    """What one layer may do. `integers_only`: not even an intermediate float, outside text made for people."""

    name: str
    may_import: frozenset[str]
    banned_stdlib: frozenset[str]
    integers_only: bool


_IMPORT_ROOT = "depot_sim"
DOMAIN = Layer(
    "domain",
    frozenset({"depot_sim.domain", "msgspec"}),
    _CLOCK_OR_RANDOM_MODULES | _IO_MODULES,
    integers_only=True,
)
APPLICATION = Layer(
    "application",
    frozenset({"depot_sim.application", "depot_sim.domain", "msgspec"}),
    _CLOCK_OR_RANDOM_MODULES,
    integers_only=False,
)


class Violation(NamedTuple):
    line: int
    message: str


def violations(source: str, layer: Layer) -> list[Violation]:
    """Everything in `source` that `layer` forbids, by line."""
    return sorted(_found(ast.parse(source), layer))


def _found(tree: ast.AST, layer: Layer) -> Iterator[Violation]:
    for node in _without_text(tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield from _import(node, alias.name, layer)
            case ast.ImportFrom(module=str(module), level=0):
                yield from _import(node, module, layer)
                for alias in node.names:
                    yield from _random_id(node, alias.name)
            case ast.ClassDef():
                yield from _float_fields(node)
            case ast.Call():
                yield from _call(node, layer)
            case _ if layer.integers_only:
                yield from _float_arithmetic(node)


def _without_text(node: ast.AST) -> Iterator[ast.AST]:
    """Every node but those inside f-strings: a message to people may show 1.5 kW."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.JoinedStr):
            yield child
            yield from _without_text(child)


def _import(node: ast.stmt, module: str, layer: Layer) -> Iterator[Violation]:
    names = module.split(".")
    top = ".".join(names[: 2 if names[0] == _IMPORT_ROOT else 1])
    is_pure = module in _PURE_TEXT or top not in layer.banned_stdlib
    if top not in layer.may_import and not (top in sys.stdlib_module_names and is_pure):
        yield Violation(node.lineno, f"{layer.name} may not import {module}")


def _random_id(node: ast.stmt | ast.expr, name: str) -> Iterator[Violation]:
    if _RANDOM_ID.search(name):
        yield Violation(node.lineno, f"{name}: ids derive from the run and a counter")


def _call(node: ast.Call, layer: Layer) -> Iterator[Violation]:
    name = ast.unparse(node.func)
    yield from _random_id(node, name)
    if _WALL_CLOCK_CALL.search(name):
        yield Violation(node.lineno, f"{name}() reads the wall clock; take time as an argument or from a port")
    if name == "float":
        yield Violation(node.lineno, "float(): state holds integers; read what people write through decimal.Decimal")
    if name in {"open", "print", "input"} and layer.integers_only:
        yield Violation(node.lineno, f"{name}(): {layer.name} does no I/O")


def _float_fields(cls: ast.ClassDef) -> Iterator[Violation]:
    for node in cls.body:
        if isinstance(node, ast.AnnAssign) and re.search(r"\bfloat\b", ast.unparse(node.annotation)):
            field = f"{cls.name}.{ast.unparse(node.target)}"
            yield Violation(node.lineno, f"{field} is a float: state holds integers in base units")


def _float_arithmetic(node: ast.AST) -> Iterator[Violation]:
    match node:
        case ast.Constant(value=float(value)):
            yield Violation(node.lineno, f"{value} is a float: use integers in base units, or ppm for a share")
        case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
            yield Violation(node.lineno, "/ makes a float: use // on integers")
