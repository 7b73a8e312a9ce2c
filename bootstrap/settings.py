"""What a service can be told, and what it does when it is told nothing."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import msgspec


class LogFormat(StrEnum):
    JSON = "json"
    TEXT = "text"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """`tokens` are texts "name:role:token"; `tokens_file` holds more of them, one a line, and may change.

    `opened` names surfaces that take requests without a token. X-Forwarded-For is believed from `trusted_proxies` only.
    `ready_file` gets the URL and the process id as JSON once all is ready.
    `secrets` is the folder of the secrets that the service is given; it is only read.
    `limits` are texts "NAME=VALUE", see depot_sim.bootstrap.limits.
    `kept_secrets` is the folder for secrets that partners give the service; its default: see
    depot_sim.bootstrap.kept_secrets.
    """

    db: str = "sqlite:///depot-sim.db"
    host: str = "127.0.0.1"
    port: int = 8420
    tokens: tuple[str, ...] = ()
    tokens_file: Path | None = None
    opened: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    ready_file: Path | None = None
    kept_secrets: Path | None = None
    secrets: Path | None = None
    limits: tuple[str, ...] = ()
    log_format: LogFormat = LogFormat.JSON


class Identity(NamedTuple):
    """How others know this process.

    `owner` is what other processes on the same store answer when they are asked about this one's runs. `url` is where
    partners reach the service.
    """

    owner: str
    url: str = "http://127.0.0.1:8420"
