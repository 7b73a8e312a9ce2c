"""Measuring: how values of the world become what a device says."""
