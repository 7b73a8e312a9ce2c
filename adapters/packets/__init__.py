"""Packets outside the process: the profiles that come along, and those in folders of others."""

from depot_sim.adapters.packets.profiles import ProfileLibrary

__all__ = ["ProfileLibrary"]
