"""Everything that touches the outside; one adapter never imports another."""
