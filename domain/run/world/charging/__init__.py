"""Charging: curves, the sharing of power among connectors, and what a connector does in a segment of time."""
