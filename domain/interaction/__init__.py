"""What every protocol family shares: observed messages, matching, overrides, expectations, near misses."""
