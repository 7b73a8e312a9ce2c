"""The secrets of a service: those it is given at start, and those it keeps for partners."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from depot_sim.adapters.event_store.url import PostgresUrl, parse_store_url
from depot_sim.adapters.http import Secrets
from depot_sim.bootstrap.kept_secrets import kept_secrets_folder
from depot_sim.bootstrap.settings import Settings

_FILES_OF_LIBPQ = {"passfile": "PGPASSFILE", "sslkey": "PGSSLKEY", "servicefile": "PGSERVICEFILE"}
"""Parameters of a PostgreSQL URL that name a file with a secret, and the variables for them."""


def open_secrets(settings: Settings) -> Secrets:
    """Reads every secret given at start.

    Raises InvalidInput for one that is too short to be masked, and for a folder that cannot be used.
    """
    secrets = Secrets(kept_secrets_folder(settings), settings.secrets, withheld=tuple(files_of_the_service(settings)))
    secrets.check()
    return secrets


def files_of_the_service(settings: Settings, environment: Mapping[str, str] = os.environ) -> Iterator[Path]:
    """Files with secrets of the service itself: its tokens, and the password and key for its database.

    They may lie in the folder of secrets, as with /run/secrets, but no reference may send them to a partner.
    Raises InvalidInput for a wrong URL of the database.
    """
    if settings.tokens_file is not None:
        yield settings.tokens_file
    store = parse_store_url(settings.db)
    if not isinstance(store, PostgresUrl):
        return
    named = dict(parse_qsl(urlsplit(store.conninfo).query))
    for parameter, variable in _FILES_OF_LIBPQ.items():
        yield from (Path(file) for file in (named.get(parameter), environment.get(variable)) if file)
