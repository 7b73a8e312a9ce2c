"""The command line: for people tables and a chart, for programs JSON and exit codes."""

from depot_sim.adapters.cli.app import main
from depot_sim.adapters.cli.toolbox import Toolbox

__all__ = ["Toolbox", "main"]
