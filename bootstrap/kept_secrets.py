"""The folder in which the service keeps secrets that partners give it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from depot_sim.adapters.event_store.url import PostgresUrl, parse_store_url
from depot_sim.bootstrap.settings import Settings
from depot_sim.domain.kernel.errors import Fault, InvalidInput

_BESIDE_POSTGRESQL = Path("depot-sim.secrets")


def kept_secrets_folder(settings: Settings) -> Path | None:
    """The folder named in the settings, or the default for the store; None keeps secrets in memory only.

    The default is `FILE.secrets` beside an SQLite file, and `depot-sim.secrets` in the working directory on PostgreSQL.
    A store in memory has no default. The folder need not exist: it is created with the first secret.

    Raises InvalidInput when the folder cannot be written, or when the store URL is not valid.
    """
    folder = settings.kept_secrets or _default(settings.db)
    if folder is not None:
        _check_writable(folder)
    return folder


def _default(db: str) -> Path | None:
    store = parse_store_url(db)
    if isinstance(store, PostgresUrl):
        return _BESIDE_POSTGRESQL
    return None if store.path is None else store.path.with_name(f"{store.path.name}.secrets")


def _check_writable(folder: Path) -> None:
    """A missing folder is checked at its nearest parent that exists, so that starting the service leaves no folder."""
    try:
        existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise InvalidInput(
            [
                Fault(
                    "/kept_secrets",
                    f"{folder}: {error.strerror}",
                    "a folder that the service can write; name one with --kept-secrets or DEPOT_SIM_KEPT_SECRETS",
                )
            ],
            "secrets that partners give the service cannot be kept",
        ) from None
