"""OSCP bodies: how they are read, in normal form, and written."""
