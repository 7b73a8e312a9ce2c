"""All type information of msgspec is complete before a service starts its first thread."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import GenericAlias
from typing import Any

import msgspec
import pytest

from depot_sim.bootstrap import serve, tools  # noqa: F401 - loads what a service loads
from depot_sim.bootstrap.families import FAMILIES, load_families
from depot_sim.domain.kernel import events
from tests.bootstrap.struct_samples import IMPORT_ROOT, sample, samples
from tests.full_set import examples
from tests.packaging.test_package_lists import CODE
from tests.processes import checkout_variables, module_command

load_families(FAMILIES)
ROOT = Path(__file__).parents[2]
PLAIN = (type(None), bool, int, float, str, bytes, msgspec.Raw)
CHILDREN = examples(200, 60)

GENERIC_CALLS = {
    "application/snapshots.py": "self._state",  # the state of an aggregate
    "bootstrap/msgspec_types.py": "struct",  # the step itself
    "domain/kernel/events.py": "cls",  # an event class
    "standin/answers.py": "type",  # the stand-in has one thread
    "standin/inbound.py": "body",
}
"""Calls for a class that a caller passes; every class they get is a Struct class, of a module that is loaded early."""


def test_no_thread_meets_a_class_that_is_not_built() -> None:
    assert _race(CHILDREN) == {"exit 0": CHILDREN}


def test_without_the_step_the_same_threads_end_the_process() -> None:
    """The control. If it fails because msgspec no longer has the fault, the step and these tests can go."""
    assert _race(12, "--unbuilt").get("signal 11", 0) > 0


@pytest.mark.parametrize("path", sorted(GENERIC_CALLS))
def test_listed_generic_calls_exist(path: str) -> None:
    types = {ast.unparse(each) for each in _types_in_functions(ROOT / path)}
    assert GENERIC_CALLS[path] in types


def test_functions_decode_into_struct_classes_only() -> None:
    """The step builds Struct classes and what they contain; msgspec builds other classes lazily, too."""
    wrong = []
    for path in _sources():
        for node in _types_in_functions(path):
            name = path.relative_to(ROOT).as_posix()
            if GENERIC_CALLS.get(name) != ast.unparse(node) and not _is_built(_evaluated(node, path)):
                wrong.append(f"{name}:{node.lineno}: {ast.unparse(node)}")
    assert wrong == []


def test_a_service_loads_no_struct_class_after_its_start() -> None:
    """A module that a function imports is either loaded before the step, or has no Struct class."""
    loaded = _modules_of_a_service()
    late = {
        module: path.relative_to(ROOT).as_posix()
        for path in _sources()
        if _module_of(path) in loaded
        for module in _late_imports(path)
        if module not in loaded and not module.startswith("depot_sim.adapters.cli")
    }
    assert "depot_sim.adapters.event_store.postgres" in late, "the test finds late imports"
    with_structs = {
        f"{each.__module__}.{each.__qualname__}, imported by {path}"
        for module, path in late.items()
        for each in vars(importlib.import_module(module)).values()
        if _is_struct(each) and each.__module__ not in loaded
    }
    assert with_structs == set()


def _race(children: int, *options: str) -> dict[str, int]:
    command = module_command("tests.bootstrap.racing_children", "--children", str(children), *options)
    raced = subprocess.run(
        command, input=_samples(), capture_output=True, text=True, env=checkout_variables(), check=False
    )
    assert raced.returncode == 0, raced.stderr
    ends: dict[str, int] = json.loads(raced.stdout)
    return ends


@cache
def _samples() -> str:
    """One JSON text for each topic, and one for each Struct class that a service loads."""
    loaded = _modules_of_a_service()
    topics = {topic: sample(events.event_class(topic)).decode() for topic in events.topics() if _of_product(topic)}
    structs = {name: text.decode() for name, text in samples().items() if name.partition(":")[0] in loaded}
    assert len(topics) > 100
    assert len(structs) > 400
    return json.dumps({"topics": topics, "structs": structs})


def _of_product(topic: str) -> bool:
    return events.event_class(topic).__module__.partition(".")[0] == IMPORT_ROOT


def _sources() -> list[Path]:
    return sorted(path for package in CODE for path in (ROOT / package).rglob("*.py"))


def _module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join((IMPORT_ROOT, *(parts[:-1] if parts[-1] == "__init__" else parts)))


@cache
def _modules_of_a_service() -> frozenset[str]:
    """The modules that are loaded when a service builds its types."""
    listing = (
        "import json, sys; from depot_sim.bootstrap import families, serve, main;"
        "families.load_families(families.FAMILIES);"
        "print(json.dumps(sorted(sys.modules)))"
    )
    listed = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, cwd=ROOT, check=True)
    return frozenset(json.loads(listed.stdout))


def _functions(path: Path) -> Iterator[ast.AST]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def _late_imports(path: Path) -> set[str]:
    nodes = [node for function in _functions(path) for node in ast.walk(function)]
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module]
    names = {f"{node.module}.{alias.name}" for node in froms for alias in node.names}
    modules = plain | {str(node.module) for node in froms} | {name for name in names if _is_module(name)}
    return {module for module in modules if module.partition(".")[0] == IMPORT_ROOT}


def _is_module(name: str) -> bool:
    return (ROOT / name.removeprefix(f"{IMPORT_ROOT}.").replace(".", "/")).with_suffix(".py").exists()


def _types_in_functions(path: Path) -> list[ast.expr]:
    """What functions of a module let msgspec decode into."""
    calls = {node for function in _functions(path) for node in ast.walk(function) if isinstance(node, ast.Call)}
    return [each for call in calls if (each := _type_of(call)) is not None]


def _type_of(call: ast.Call) -> ast.expr | None:
    name = ast.unparse(call.func)
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    if name.endswith(("json.decode", "msgpack.decode")):
        return named.get("type")
    if name.endswith(("json.Decoder", "msgpack.Decoder")):
        return named.get("type", call.args[0] if call.args else None)
    if name == "msgspec.convert":
        return named.get("type", call.args[1] if len(call.args) > 1 else None)
    return None


def _evaluated(node: ast.expr, path: Path) -> Any:
    names: Mapping[str, Any] = vars(importlib.import_module(_module_of(path)))
    try:
        return eval(ast.unparse(node), dict(names))
    except NameError:
        return None


def _is_built(found: Any) -> bool:
    if isinstance(found, GenericAlias):
        return found.__origin__ in (list, dict, tuple) and all(
            _is_built(each) for each in found.__args__ if each is not ...
        )
    return found in PLAIN or _is_struct(found)


def _is_struct(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, msgspec.Struct) and found.__module__ != "msgspec"
