"""What sessions and the run tell each other."""
