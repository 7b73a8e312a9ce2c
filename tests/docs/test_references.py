"""What the documentation points at is there: linked files, named folders and modules, targets of make."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from depot_sim.domain.run.commands import COMMANDS

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_LAYERS = "domain|application|adapters|projections|read_models|bootstrap|tests|bench|examples|docs"
_LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
_PATH = re.compile(rf"`((?:{_LAYERS})/(?:[\w./-]*(?:/|\.\w+))?)`")


def text_of(page: Path) -> str:
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    assert [link for link in _LINK.findall(text_of(page)) if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_named_files_are_there(page: Path) -> None:
    assert [path for path in _PATH.findall(text_of(page)) if not (ROOT / path).exists() and "NAME" not in path] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_targets_of_make_are_there(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    said = set(re.findall(r"(?:^ {4}|`)make ([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert said <= targets


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in PAGES[2:] if page.name != "README.md" and f"]({page.name})" not in index] == []


def test_the_readme_counts_the_commands_right() -> None:
    assert f"{len(COMMANDS)} commands" in PAGES[0].read_text(encoding="utf-8")
