"""What protocol families add to `scenario start`: options for a run of the scenario's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from depot_sim.adapters.cli.client import Client


class RunOption(NamedTuple):
    """`prepare` changes the depot, as plain values, by what the option is given. Raises UsageError.

    `wait` returns once the run with this id, started on that depot, is as the option wants it. Raises ServerFailed,
    ServerRefused.
    """

    flag: str
    metavar: str
    help: str
    prepare: Callable[[dict[str, Any], str], None]
    wait: Callable[[Client, str], None]

    @property
    def name(self) -> str:
        """As argparse names its value."""
        return self.flag.removeprefix("--").replace("-", "_")
