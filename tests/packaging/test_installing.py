"""pip installs a complete lock as it stands, on a day when every locked package has a newer release."""

from __future__ import annotations

import hashlib
import subprocess
from importlib.metadata import distributions
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.packaging.wheelhouse import LOCKED, PIP
from tests.patience import patient


def wheel(folder: Path, name: str, version: str, *metadata: str) -> Path:
    """A distribution without modules."""
    info = f"{name}-{version}.dist-info"
    file = folder / f"{name}-{version}-py3-none-any.whl"
    with ZipFile(file, "w") as archive:
        lines = ("Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata)
        archive.writestr(f"{info}/METADATA", "\n".join(lines) + "\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return file


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """Three locked packages, one of which asks for an extra of another, and a newer release of each.

    A resolver looks at the newest release for the extra, which the lock does not pin, and refuses the whole file.
    """
    folder = tmp_path / "index"
    folder.mkdir()
    locked = [
        wheel(folder, "plugin", "1.0", "Requires-Dist: measure[tables]>=1"),
        wheel(folder, "measure", "1.0", "Provides-Extra: tables", "Requires-Dist: tables; extra == 'tables'"),
        wheel(folder, "tables", "1.0"),
    ]
    for name in ("plugin", "measure", "tables"):
        wheel(folder, name, "2.0", "Provides-Extra: tables", "Requires-Dist: something-else")
    lines = [f"{file.name.split('-')[0]}==1.0 --hash=sha256:{_digest(file)}\n" for file in locked]
    (folder / "lock.txt").write_text("".join(lines))
    return folder


def test_locked_versions_are_installed_whatever_is_newer(index: Path, tmp_path: Path) -> None:
    target = tmp_path / "site-packages"
    install = ("install", "--quiet", "--no-index", "--find-links", str(index), "--target", str(target))
    subprocess.run([*PIP, *install, *LOCKED, "-r", str(index / "lock.txt")], check=True, timeout=patient(60))
    found = {one.name: one.version for one in distributions(path=[str(target)])}
    assert found == {"plugin": "1.0", "measure": "1.0", "tables": "1.0"}


def test_file_of_another_content_is_refused(index: Path, tmp_path: Path) -> None:
    wheel(index, "tables", "1.0", "Requires-Dist: something-else")
    install = ("install", "--no-index", "--find-links", str(index), "--target", str(tmp_path / "site-packages"))
    command = [*PIP, *install, *LOCKED, "-r", str(index / "lock.txt")]
    refused = subprocess.run(command, capture_output=True, text=True, timeout=patient(60), check=False)
    assert refused.returncode != 0
    assert "DO NOT MATCH THE HASHES" in refused.stderr


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
