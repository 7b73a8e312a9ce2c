"""Playing scenarios on runs."""
