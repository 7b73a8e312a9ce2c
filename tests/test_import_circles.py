"""No module of the product imports itself through others, not even late or for types only."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = (
    *("domain", "application", "adapters", "projections", "read_models", "bootstrap"),
    *("connection_guard", "standin"),
)


def imports_of(source: str, modules: frozenset[str]) -> set[str]:
    """Which of the modules a source imports, at the top or inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            of_module = {f"{node.module}.{alias.name}" for alias in node.names} & modules
            found |= of_module if len(of_module) == len(node.names) else of_module | {node.module}
    return found & modules


def circles(imports: Mapping[str, set[str]]) -> list[str]:
    """Modules that are left when those that import nothing left, and those that nothing left imports, are taken out."""
    left = {module: imported - {module} for module, imported in imports.items()}
    while True:
        imported = set().union(*left.values())
        ends = {module for module, others in left.items() if not others & left.keys() or module not in imported}
        if not ends:
            return sorted(left)
        left = {module: others - ends for module, others in left.items() if module not in ends}


def test_no_modules_import_each_other_in_a_circle() -> None:
    paths = {_name(path): path for package in PACKAGES for path in (ROOT / package).rglob("*.py")}
    modules = frozenset(paths)
    assert len(modules) > 500
    imports = {module: imports_of(path.read_text(), modules) for module, path in paths.items()}
    assert sum(map(len, imports.values())) > 2_000, "modules are named as in imports"
    assert not circles(imports)


def _name(path: Path) -> str:
    return ".".join(("depot_sim", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


def test_a_circle_is_found_and_what_hangs_on_it_is_not() -> None:
    found = circles({"user": {"a"}, "a": {"b"}, "b": {"c"}, "c": {"a", "leaf"}, "leaf": set()})
    assert found == ["a", "b", "c"]


def test_late_imports_and_those_for_types_count() -> None:
    modules = frozenset({"p", "p.late", "p.typed", "p.other"})
    source = """
from p.other import name
if TYPE_CHECKING:
    from p import typed
def load():
    import p.late
"""
    assert imports_of(source, modules) == {"p.other", "p.typed", "p.late"}
