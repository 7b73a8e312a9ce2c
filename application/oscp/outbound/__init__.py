"""What the simulator sends: drafted, recorded, delivered, finalised."""
