"""The simulated depot itself: aggregates, events, value objects, physics. Pure: no I/O, clock or randomness but the seed."""
