"""The secrets of a service: those it is given at start, and those it keeps for partners."""

from __future__ import annotations

from adapters.http import Secrets
from bootstrap.kept_secrets import kept_secrets_folder
from bootstrap.settings import Settings


def open_secrets(settings: Settings) -> Secrets:
    """Reads every secret given at start.

    Raises InvalidInput for one that is too short to be masked, and for a folder that cannot be used.
    """
    secrets = Secrets(kept_secrets_folder(settings), settings.secrets)
    secrets.check()
    return secrets
