"""Depot definitions from outside: YAML and JSON, older circuit definitions, bus timetables, the benchmark's job."""

from depot_sim.adapters.configuration_import.formats import Format, format_of_content_type, format_of_path
from depot_sim.adapters.configuration_import.loading import load

__all__ = ["Format", "format_of_content_type", "format_of_path", "load"]
