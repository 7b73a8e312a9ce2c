"""SimulationRun: one executing or resumable run, pinned to one configuration version."""
