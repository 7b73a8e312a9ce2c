"""What OSCP adds to the control API."""
