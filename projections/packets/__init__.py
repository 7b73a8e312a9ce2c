"""Projectors of packet feeds."""
