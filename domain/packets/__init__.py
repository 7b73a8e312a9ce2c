"""Packets: what devices of the depot tell the platform, and how the platform's contract says it."""
