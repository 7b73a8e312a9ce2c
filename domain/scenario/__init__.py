"""Scenarios: scripts of world commands, overrides and expectations, and their executions on runs."""
