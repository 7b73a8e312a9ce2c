"""The simulated depot itself: aggregates, events, value objects and the physics. Pure; no I/O, no clock, no randomness but the seed."""
