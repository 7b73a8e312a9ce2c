"""Runs: started, ticked, commanded, resumed after a crash, watched and replayed."""
