"""Requests that were refused: how many, of which kind, from which address."""
