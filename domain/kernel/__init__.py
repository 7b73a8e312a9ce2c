"""What every context stands on: events, aggregates, errors, quantities, and the reading of documents."""
