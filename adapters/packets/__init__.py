"""Packets outside the process: the profiles that come along, and those in folders of others."""

from adapters.packets.profiles import ProfileLibrary

__all__ = ["ProfileLibrary"]
