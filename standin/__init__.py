"""A small stand-in for the platform under test, written from the public protocols alone."""
