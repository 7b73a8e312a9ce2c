"""The secrets that the command line knows: those that a service started in the same environment would be given."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from depot_sim.domain.kernel.errors import InvalidInput
from depot_sim.domain.kernel.written_secrets import GivenSecret

if TYPE_CHECKING:
    from depot_sim.adapters.http import Secrets

_VARIABLES = ("DEPOT_SIM_SECRET", "DEPOT_SIM_TOKENS")
"""How the variables begin that hold secrets, or name the folder of secrets."""


class CommandSecrets:
    """Read when they are first needed. Those that a service would refuse at start are left out."""

    def secret_in(self, text: str) -> GivenSecret | None:
        """The secret whose value a text holds, in clear or encoded; None when it holds none."""
        return None if self._secrets is None else self._secrets.written_in(text)

    def mask(self, text: str) -> str:
        return text if self._secrets is None else self._secrets.mask(text)

    @cached_property
    def _secrets(self) -> Secrets | None:
        """Imported late: most commands need no HTTP client."""
        if not any(name.startswith(_VARIABLES) for name in os.environ):
            return None
        from depot_sim.adapters.front_door.tokens import listed
        from depot_sim.adapters.http import Secrets

        folder = os.environ.get("DEPOT_SIM_SECRETS")
        secrets = Secrets(folder=Path(folder) if folder else None)
        with suppress(InvalidInput):
            secrets.check()
        for text in listed(os.environ.get("DEPOT_SIM_TOKENS", "").split(",")):
            secrets.learn_token(text.token)
        return secrets
