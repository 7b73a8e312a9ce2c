"""The composition root: the one place that may import everything and wires it together."""
