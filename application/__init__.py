"""One service per context: load, decide, append. Everything outside is behind a port (a Protocol)."""
