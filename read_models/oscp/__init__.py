"""Read models of OSCP."""
