"""The command line: for people tables and a chart, for programs JSON and exit codes."""

from adapters.cli.app import main
from adapters.cli.toolbox import Toolbox

__all__ = ["Toolbox", "main"]
