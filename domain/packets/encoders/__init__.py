"""From a packet to bytes: the envelope of a profile's template, and SenML."""
