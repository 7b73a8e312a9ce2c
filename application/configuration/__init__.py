"""The Simulation Configuration Service: saved depot definitions and their versions."""

from depot_sim.application.configuration.service import ConfigurationService, ConfigurationVersion, VersionSummary

__all__ = ["ConfigurationService", "ConfigurationVersion", "VersionSummary"]
