"""Argument types and options that several commands share."""

from __future__ import annotations

import argparse
import re
from typing import ClassVar, NoReturn, TypeAlias

from depot_sim.adapters.cli.failures import UsageError
from depot_sim.domain.kernel.quantities import MS_PER_DAY, Duration

DEFAULT_PORT = 8420
DEFAULT_URL = f"http://127.0.0.1:{DEFAULT_PORT}"

_PASSWORD = re.compile(r"(?<=//)([^/@:]*:)[^/?]*(?=@)|([?&]password=)[^&]*")
Subcommands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


class Parser(argparse.ArgumentParser):
    """Complains by UsageError, so that every error looks alike."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"see {self.prog} --help")


class _Duration(Duration):
    UNITS: ClassVar[dict[str, int]] = {**Duration.UNITS, "d": MS_PER_DAY}


def duration(text: str) -> int:
    """Milliseconds, more than 0, from "24h", "90 min", "1d"."""
    try:
        value = _Duration.parse(text)
    except ValueError as wrong:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected {wrong}") from None
    if value <= 0:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a duration above zero")
    return int(value)


def count(text: str) -> int:
    """A whole number from 1 on."""
    if not text.isdecimal() or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number from 1 to 1,000,000")
    return int(text)


def redacted(url: str) -> str:
    """A store's URL without its password."""
    return _PASSWORD.sub(lambda found: f"{found[1] or found[2]}***", url)


def add_server(parser: argparse.ArgumentParser) -> None:
    """--url and --token, of a server that is asked."""
    parser.add_argument("--url", metavar="URL", help=f"of the server (default: DEPOT_SIM_URL, or {DEFAULT_URL})")
    parser.add_argument("--token", metavar="TOKEN", help="for the server (default: DEPOT_SIM_TOKEN)")


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON for programs instead of text for people")
