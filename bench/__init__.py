"""Benchmarks: each module prints one JSON line per figure."""
