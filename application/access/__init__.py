"""Who may use the service, and what was refused."""
