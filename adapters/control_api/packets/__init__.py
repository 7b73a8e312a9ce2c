"""What packet feeds add to the control API."""
