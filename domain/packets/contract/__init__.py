"""The files of a profile, read: every fault at once, with file, line and column."""
