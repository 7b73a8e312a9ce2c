"""A virtual environment for pyoscp, which pins what others need newer; run as a module, it makes it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.packaging.wheelhouse import LOCKED

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "requirements" / "peers" / "pyoscp.txt"
ENVIRONMENT = ROOT / ".venv" / "peers" / "pyoscp"
PYTHON = ENVIRONMENT / "bin" / "python"
_INSTALLED = ENVIRONMENT / "installed.txt"


def ensure() -> Path:
    """Its interpreter; made anew when there is none, or its requirements have changed."""
    wanted = REQUIREMENTS.read_text()
    if not _INSTALLED.exists() or _INSTALLED.read_text() != wanted:
        subprocess.run([sys.executable, "-P", "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
        pip = [str(PYTHON), "-P", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *LOCKED, "-r", str(REQUIREMENTS)], check=True)
        _INSTALLED.write_text(wanted)
    return PYTHON


if __name__ == "__main__":
    ensure()
