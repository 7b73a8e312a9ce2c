"""Packet feeds: watching the world, publishing what devices would send, delivering it."""
