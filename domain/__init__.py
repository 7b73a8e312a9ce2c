"""The simulated depot itself: aggregates, events, value objects, physics. No I/O, no clock, no chance but the seed."""
