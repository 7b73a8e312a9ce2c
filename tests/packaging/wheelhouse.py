"""The wheels of requirements/runtime.txt in one folder, so that tests install them without a network.

Run as a module, it fills the folder.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUNTIME = ROOT / "requirements" / "runtime.txt"
FOLDER = ROOT / ".venv" / "wheels"
PIP = (sys.executable, "-P", "-m", "pip", "--disable-pip-version-check")
LOCKED = ("--no-deps", "--only-binary=:all:", "--require-hashes")
_FILLED = FOLDER / "filled.txt"


def ensure() -> Path:
    """The folder; filled when it is missing, or when the lock file has changed."""
    wanted = RUNTIME.read_text()
    if not _FILLED.exists() or _FILLED.read_text() != wanted:
        subprocess.run([*PIP, "download", "--quiet", *LOCKED, "-r", str(RUNTIME), "-d", str(FOLDER)], check=True)
        _FILLED.write_text(wanted)
    return FOLDER


if __name__ == "__main__":
    ensure()
