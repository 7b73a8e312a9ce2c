"""Where the profiles come from that packets are written by: the port."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class ProfileLibrary(Protocol):
    """Profiles by name and version, such as "default/1"."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def files(self, name: str) -> Mapping[str, str]:
        """The profile's files, text by name. Raises NotFound."""
