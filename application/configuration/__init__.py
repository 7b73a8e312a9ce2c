"""The Simulation Configuration Service: saved depot definitions and their versions."""

from application.configuration.service import ConfigurationService, ConfigurationVersion, VersionSummary

__all__ = ["ConfigurationService", "ConfigurationVersion", "VersionSummary"]
