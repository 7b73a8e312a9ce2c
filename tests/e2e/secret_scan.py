"""Looks for secrets wherever a service may have left them: in clear, in base64 and percent-encoded."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote, quote_plus


def leaked(data: bytes | str, secrets: Iterable[str]) -> list[str]:
    """The secrets that the data holds in some form."""
    held = data.encode() if isinstance(data, str) else data
    return [secret for secret in secrets if any(form in held for form in _forms(secret))]


def leaked_in_files(folder: Path, secrets: Iterable[str]) -> dict[str, list[str]]:
    """The files below a folder that hold secrets, with these; there has to be at least one file."""
    wanted = list(secrets)
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert files, folder
    found = {str(file): leaked(file.read_bytes(), wanted) for file in files}
    return {file: secrets for file, secrets in found.items() if secrets}


def percent_encoded(secret: str) -> str:
    """Every byte of it, as no library writes it."""
    return "".join(f"%{byte:02X}" for byte in secret.encode())


def _forms(secret: str) -> set[bytes]:
    """In base64 without the characters that depend on what stands around it."""
    data = secret.encode()
    cut = {b64encode(bytes(before) + data)[4 if before else 0 : -4] for before in range(3)}
    every = percent_encoded(secret)
    escaped = (quote(secret, safe=""), quote_plus(secret), every, every.lower())
    return {data, *(text.encode() for text in escaped), *cut}
