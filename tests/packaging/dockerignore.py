"""What a container build sees of a folder: the rules of .dockerignore that ours uses.

A pattern matches a path or one of its parents; `*` stands for any part of one name, a leading `**/` for any parents, a
leading `!` takes the path in again. The last pattern that matches decides.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple


class Rule(NamedTuple):
    pattern: str
    ignores: bool

    def matches(self, path: PurePosixPath) -> bool:
        expression = re.compile(_expression(self.pattern))
        return any(expression.fullmatch(str(one)) for one in (path, *path.parents))


class Ignore:
    """The rules of one file, in their order."""

    def __init__(self, text: str) -> None:
        lines = (line.strip() for line in text.splitlines())
        self.rules = [_rule(line) for line in lines if line and not line.startswith("#")]

    def ignores(self, path: PurePosixPath) -> bool:
        """Whether a build does not see this file, given by its path below the folder."""
        return next((rule.ignores for rule in reversed(self.rules) if rule.matches(path)), False)

    def _holds_nothing(self, folder: PurePosixPath) -> bool:
        """Whether no file below a folder can be seen."""
        inside = f"{folder}/"
        taken_in = (rule.pattern for rule in self.rules if not rule.ignores)
        return self.ignores(folder) and not any(one.startswith((inside, "**/")) for one in taken_in)

    def seen(self, root: Path) -> Iterator[PurePosixPath]:
        """The files that a build sees, by their paths below the folder."""
        for folder, folders, names in os.walk(root):
            here = PurePosixPath(Path(folder).relative_to(root).as_posix())
            folders[:] = sorted(one for one in folders if not self._holds_nothing(here / one))
            yield from (here / name for name in sorted(names) if not self.ignores(here / name))


def copy_context(root: Path, target: Path) -> None:
    """Copy what a build sees of a folder with a .dockerignore."""
    for path in Ignore((root / ".dockerignore").read_text()).seen(root):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, target / path)


def _rule(line: str) -> Rule:
    pattern = line.removeprefix("!").strip("/")
    if set(pattern) & set("?[]\\") or "**" in pattern.removeprefix("**/"):
        raise ValueError(f"{line}: only names, * and a leading **/ are understood")
    return Rule(pattern, not line.startswith("!"))


def _expression(pattern: str) -> str:
    anywhere = pattern.startswith("**/")
    parts = "[^/]*".join(re.escape(part) for part in pattern.removeprefix("**/").split("*"))
    return f"(?:.*/)?{parts}" if anywhere else parts
