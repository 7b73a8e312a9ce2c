"""The command line in this process, with everything behind it real.

End-to-end tests use it as well, where a command is a client or a reader of a service that runs: a process of its own
takes half a second of processor time for its imports.
"""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any, NamedTuple

from depot_sim.adapters.cli import main
from depot_sim.bootstrap.tools import toolbox


class Result(NamedTuple):
    """Exit code and what was written."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def depot_sim(*arguments: str, **tools: Any) -> Result:
    """Carry out one command; `tools` take the place of the toolbox's own."""
    out, err = io.StringIO(), io.StringIO()
    code = main(replace(toolbox(), **tools), arguments, out, err)
    return Result(code, out.getvalue(), err.getvalue())
