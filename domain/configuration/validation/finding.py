"""What a rule reports."""

from __future__ import annotations

from typing import NamedTuple

from depot_sim.domain.kernel.errors import Fault


class Finding(NamedTuple):
    """A fault, and the list (by pointer) whose completeness it relies on."""

    fault: Fault
    relies_on: str = ""


def finding(pointer: str, found: str, expected: str, relies_on: str = "") -> Finding:
    return Finding(Fault(pointer, found, expected), relies_on)
