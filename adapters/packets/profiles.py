"""Profiles as folders: those that come along by name, others by path. What a folder leaves out is default/1's."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

from depot_sim.domain.kernel.errors import Fault, InvalidInput, NotFound
from depot_sim.domain.packets.contract.profile import REQUIRED, PacketProfile, read_profile

BUILT_IN = Path(__file__).parent / "profiles"
DEFAULT = "default/1"
LARGEST_FILE = 1_000_000
MOST_FILES = 20
_KINDS = (".csv", ".json")


class ProfileLibrary:
    """The profiles that come along, by name and version."""

    @property
    def names(self) -> tuple[str, ...]:
        """Such as "default/1"."""
        return tuple(sorted("/".join(folder.name.rsplit("-", 1)) for folder in BUILT_IN.iterdir()))

    def files(self, name: str) -> Mapping[str, str]:
        """The profile's files, text by name. Raises NotFound."""
        if name not in self.names:
            near = get_close_matches(name[:100], self.names, n=1) or self.names
            raise NotFound(f"no packet profile {name!r}", f"name one that there is: {', '.join(near)}")
        return completed(_folder(BUILT_IN / name.replace("/", "-")))

    def load(self, source: str) -> PacketProfile:
        """A profile by its name, or by the path of a folder. Raises InvalidInput, NotFound, OSError."""
        path = Path(source)
        files = self.files(source) if source in self.names or not path.is_dir() else read_folder(path)
        profile = read_profile(files)
        if profile.header_faults:
            raise InvalidInput(profile.header_faults)
        return profile

    def export(self, name: str, folder: Path) -> tuple[Path, ...]:
        """Write the profile's files into a folder that is new or empty. Raises NotFound, InvalidInput, OSError."""
        files = self.files(name)
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InvalidInput([Fault(str(folder), "a folder with files in it", "a new folder, or an empty one")])
        written = tuple(folder / file for file in files)
        for path, text in zip(written, files.values(), strict=True):
            path.write_bytes(text.encode())
        return written


def read_folder(folder: Path) -> Mapping[str, str]:
    """A folder's CSV and JSON files, and those of default/1 that it leaves out. Raises InvalidInput, OSError."""
    return completed(_folder(folder))


def completed(files: Mapping[str, str]) -> Mapping[str, str]:
    """`files`, and those of default/1 without which there is no profile; profile.json has to be one's own."""
    default = _folder(BUILT_IN / DEFAULT.replace("/", "-"))
    missing = [name for name in REQUIRED if name not in files and name != "profile.json"]
    return {**files, **{name: default[name] for name in missing}}


def _folder(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.iterdir() if path.suffix in _KINDS and path.is_file())
    if len(paths) > MOST_FILES:
        raise InvalidInput([Fault(str(folder), f"{len(paths)} files", f"at most {MOST_FILES}")])
    return {path.name: _text(path) for path in paths}


def _text(path: Path) -> str:
    """Line ends as they are, so that files stay what they were to the byte."""
    if path.stat().st_size > LARGEST_FILE:
        raise InvalidInput([Fault(path.name, f"{path.stat().st_size:,} bytes", f"at most {LARGEST_FILE:,}")])
    content = path.read_bytes()
    try:
        return content.decode()
    except UnicodeDecodeError as wrong:
        line = content.count(b"\n", 0, wrong.start) + 1
        raise InvalidInput([Fault(path.name, f"the byte {content[wrong.start]:#04x}", "UTF-8", line)]) from None
