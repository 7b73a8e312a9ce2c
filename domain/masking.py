"""Secrets never reach the log: which headers' values are replaced before they are recorded."""

from __future__ import annotations

from collections.abc import Iterable

MASK = "***"
_SECRET = frozenset(
    {
        *("authorization", "proxy-authorization", "cookie", "set-cookie"),
        *("apikey", "api-key", "x-api-key", "x-access-token", "x-auth-token"),
    }
)


def masked(headers: Iterable[tuple[str, str]], also: Iterable[str] = ()) -> tuple[tuple[str, str], ...]:
    """The headers with secret values hidden; of an Authorization the scheme stays. `also` names further secret ones."""
    hidden = _SECRET.union(name.lower() for name in also) if also else _SECRET
    return tuple([(name, _hidden(value)) if name.lower() in hidden else (name, value) for name, value in headers])


def _hidden(value: str) -> str:
    scheme, separator, _ = value.partition(" ")
    return f"{scheme} {MASK}" if separator and scheme.isalnum() and len(scheme) <= 10 else MASK
