"""The fleet: when vehicles come and leave, and which connector they take."""
