"""Scenario control, the same for every protocol: overrides force a behaviour, expectations assert one."""
