"""What OSCP adds to the command line."""
