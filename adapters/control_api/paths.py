"""Paths that routes of several contexts begin with."""

from __future__ import annotations

RUNS_PATH = "/simulation-runs"
RUN_PATH = f"{RUNS_PATH}/{{run_id:str}}"
