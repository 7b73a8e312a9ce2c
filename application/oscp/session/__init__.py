"""The sessions that this process serves, and their timers."""
