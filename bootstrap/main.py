"""The entry point of the command line."""

from __future__ import annotations

import sys

from adapters.cli import main as command_line
from bootstrap.tools import toolbox


def main() -> None:
    """Carry out this process's arguments and exit with what they came to."""
    sys.exit(command_line(toolbox()))


if __name__ == "__main__":
    main()
