"""Read models of packet feeds."""
