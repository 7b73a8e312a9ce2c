"""Overrides and expectations on what protocol families exchange."""
