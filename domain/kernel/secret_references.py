"""References to secrets: which texts may name one, and where the secret is looked up.

NAME                          the file NAME in the folder of secrets, else the variable DEPOT_SIM_SECRET_NAME
env:DEPOT_SIM_SECRET_NAME     this environment variable
file:PATH                     a file in the folder of secrets: relative to it, or an absolute path below it
kept:NAME                     a secret that the service keeps for a partner

A NAME becomes a variable in upper case, with `_` in place of `-` and `.`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

from depot_sim.domain.kernel.errors import Fault

VARIABLE_PREFIX = "DEPOT_SIM_SECRET_"
SHORTEST = 8
"""Characters of a secret given at start. A shorter value is not masked: it would hide ordinary text."""
EXPECTED = (
    "NAME, env:DEPOT_SIM_SECRET_NAME or file:PATH of a secret that the service was started with "
    "(the variable DEPOT_SIM_SECRET_NAME, or a file in the folder --secrets), or kept:NAME"
)
EXPECTED_FILE = "the name of a file in the folder of secrets (serve --secrets FOLDER)"

_is_handle = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}").fullmatch
_is_variable = re.compile(r"DEPOT_SIM_SECRET_[A-Za-z0-9_]{1,100}").fullmatch
_is_kept = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}").fullmatch
_is_path = re.compile(r"/?(?:(?!\.\.?/)[^/\x00-\x1f\x7f]+/)*(?!\.\.?$)[^/\x00-\x1f\x7f]+").fullmatch
_LONGEST_PATH = 1_000


class Source(StrEnum):
    """Where a secret is looked up."""

    HANDLE = "handle"
    ENVIRONMENT = "env"
    FILE = "file"
    KEPT = "kept"


class Reference(NamedTuple):
    """A reference that may name a secret. `name` is that of the handle, the variable, the file or the kept secret."""

    source: Source
    name: str


def parse_reference(text: str) -> Reference | None:
    """None for a text that can name no secret. Whether there is such a secret is not looked at."""
    kind, separator, place = text.partition(":")
    if not separator:
        return Reference(Source.HANDLE, text) if _is_handle(text) else None
    if kind == "env" and _is_variable(place):
        return Reference(Source.ENVIRONMENT, place)
    if kind == "file" and is_file_name(place):
        return Reference(Source.FILE, place)
    if kind == "kept" and _is_kept(place):
        return Reference(Source.KEPT, place)
    return None


def is_file_name(path: str) -> bool:
    """Whether a path leads to a file, without going up."""
    return len(path) <= _LONGEST_PATH and _is_path(path) is not None


def variable_of(handle: str) -> str:
    """The environment variable of a handle."""
    return VARIABLE_PREFIX + re.sub(r"[.-]", "_", handle).upper()


def reference_fault(text: str, pointer: str) -> Fault | None:
    """What is wrong with a reference. The fault does not repeat the text, which may be a secret by mistake."""
    if parse_reference(text) is not None:
        return None
    kind, _, place = text.partition(":")
    if kind == "env" and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,99}", place):
        return Fault(pointer, f"the variable {place}", f"a variable whose name begins with {VARIABLE_PREFIX}")
    if kind == "file":
        return Fault(pointer, "a file that no reference may name", f"file: and {EXPECTED_FILE}")
    return Fault(pointer, "no reference to a secret", EXPECTED)
