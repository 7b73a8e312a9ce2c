"""Projectors fold events into the rows of read models; each event counts once."""
