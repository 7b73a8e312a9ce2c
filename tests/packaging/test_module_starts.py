"""Python modules are started with -P: otherwise packages of the working directory are imported in place of ours."""

from __future__ import annotations

import re

import pytest

from tests.packaging.locks import ROOT
from tests.packaging.test_package_lists import PACKAGES

_UNSAFE = re.compile(r"""(?:sys\.executable|\bPYTHON)\)?\W*-m\b""")
SOURCES = [file for folder in sorted({*PACKAGES, "bench", "tests"}) for file in sorted((ROOT / folder).rglob("*.py"))]


def test_no_module_is_started_from_the_working_directory() -> None:
    unsafe = [
        f"{file.relative_to(ROOT)}:{number}: write sys.executable, '-P', '-m'"
        for file in SOURCES
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1)
        if _UNSAFE.search(line)
    ]
    assert unsafe == []


@pytest.mark.parametrize(
    ("line", "is_unsafe"),
    [
        ("[{}, '-m', 'standin']", True),
        ("f'{{{}}} -m standin'", True),
        ("[str({}), '-m', 'pip']", True),
        ("[{}, '-P', '-m', 'standin']", False),
        ("[{}, '-c', script]", False),
    ],
)
def test_unsafe_start_is_found(line: str, is_unsafe: bool) -> None:
    """The name is put in here, so that this file itself passes."""
    assert bool(_UNSAFE.search(line.format("sys.executable"))) is is_unsafe
