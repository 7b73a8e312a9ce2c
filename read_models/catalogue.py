"""Every read model there is."""

from __future__ import annotations

from depot_sim.read_models import configurations, oscp_messages, oscp_sessions, packets, power, runs

MODELS = (runs.MODEL, configurations.MODEL, power.MODEL, oscp_messages.MODEL, oscp_sessions.MODEL, packets.MODEL)
