"""Channels: the ends of partnerships that this process serves, in whatever protocol family."""
