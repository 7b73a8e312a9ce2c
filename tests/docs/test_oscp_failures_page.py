"""The page about failure handling names the tests there are, each once."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "oscp-failures.md"
MODULES = sorted((ROOT / "tests" / "e2e").glob("test_oscp_failures*.py"))


def test_the_table_names_every_test_once_and_no_other() -> None:
    named = Counter(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8")))
    defined = [re.findall(r"^def (test_\w+)", module.read_text(encoding="utf-8"), re.MULTILINE) for module in MODULES]
    assert named == Counter(name for names in defined for name in names)
