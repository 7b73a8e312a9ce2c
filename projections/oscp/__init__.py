"""Projectors of OSCP."""
