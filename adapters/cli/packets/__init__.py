"""What packet feeds add to the command line."""
