"""The secrets of the service: handles it was started with, and what it keeps for partners.

Nothing else of the host can be named by a reference; `depot_sim.domain.kernel.secret_references` lists the forms.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from depot_sim.adapters.http.given_secrets import GivenSecrets
from depot_sim.adapters.http.kept_secrets import KeptInFolder, KeptInMemory
from depot_sim.adapters.http.known_secrets import KnownSecrets
from depot_sim.adapters.http.secret_files import SecretsFolder, TextFiles, invalid
from depot_sim.domain.kernel.credentials import SecretReference
from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.secret_references import (
    EXPECTED,
    SHORTEST,
    VARIABLE_PREFIX,
    Source,
    parse_reference,
    reference_fault,
    variable_of,
)
from depot_sim.domain.kernel.written_secrets import GivenSecret

_POINTER = "/secret"
_TOKEN_BYTES = 48
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LEAD_IN = "-----BEGIN "


class Secrets:
    """`kept` is where secrets of partners are kept, in memory without one; `folder` holds the secrets given at start.

    `withheld` are files with secrets of the service itself, which no reference can name even if they lie in `folder`.

    Methods raise InvalidInput for a reference that leads to no secret; no text of it repeats a secret.
    """

    def __init__(
        self,
        kept: Path | None = None,
        folder: Path | None = None,
        environment: Mapping[str, str] = os.environ,
        withheld: Sequence[Path] = (),
    ) -> None:
        self._files = TextFiles()
        self._folder = SecretsFolder(folder, withheld)
        self._environment = environment
        self._kept = KeptInMemory() if kept is None else KeptInFolder(kept, self._files)
        self._known = KnownSecrets()
        self._given = GivenSecrets()

    def check(self) -> None:
        """Read every secret given at start, so that it is masked from now on.

        Raises InvalidInput, naming the handle, for one that is shorter than 8 characters, and for a folder that cannot
        be read. Files that are no text of one line, such as certificates, are left alone.
        """
        faults = list(self._faults())
        if faults:
            raise InvalidInput(faults, "; ".join(f"{fault.found} is not usable as a secret" for fault in faults))

    def get(self, reference: SecretReference) -> str:
        """The secret's value. It is masked in whatever is recorded from now on."""
        parsed = parse_reference(reference.secret)
        if parsed is None:
            fault = reference_fault(reference.secret, _POINTER)
            assert fault is not None, "what cannot be parsed has a fault"
            raise invalid(fault.found, fault.expected)
        match parsed.source:
            case Source.KEPT:
                secret = _usable(self._kept.get(parsed.name), f"the kept secret {parsed.name}")
            case Source.FILE:
                secret = self._from_file(parsed.name)
            case Source.ENVIRONMENT:
                secret = self._from_environment(parsed.name)
            case Source.HANDLE:
                has_file = self._folder.has(parsed.name)
                secret = self._from_file(parsed.name) if has_file else self._from_environment(variable_of(parsed.name))
        self._known.add(secret)
        if parsed.source is not Source.KEPT:
            self._given.add(secret, GivenSecret(reference.secret))
        return secret

    def fault(self, reference: SecretReference, pointer: str) -> Fault | None:
        """Why a request may not name this reference; None when it may.

        A handle must lead to a secret. A variable, a file or a kept secret may still be missing.
        """
        parsed = parse_reference(reference.secret)
        if parsed is None:
            return reference_fault(reference.secret, pointer)
        is_handle = parsed.source is Source.HANDLE
        if parsed.source is Source.FILE or (is_handle and self._folder.has(parsed.name)):
            return self.file_fault(parsed.name, pointer)
        if not is_handle:
            return None
        return None if variable_of(parsed.name) in self._environment else Fault(pointer, "no such secret", EXPECTED)

    def file_fault(self, name: str, pointer: str) -> Fault | None:
        """Why a request may not name this file of the folder of secrets; None when it may."""
        try:
            self._folder.path(name)
        except InvalidInput as error:
            return Fault(pointer, error.faults[0].found, error.faults[0].expected)
        return None

    def path(self, name: str) -> Path:
        """A file of the folder of secrets, for TLS."""
        return self._folder.path(name)

    def keep(self, name: str, secret: str) -> SecretReference:
        """Replaces what was kept under the name; when this returns, it has survived a power cut."""
        reference = SecretReference(f"kept:{name}")
        if parse_reference(reference.secret) is None:
            raise invalid(f"kept:{name[:100]}", "a name of letters, digits, '.', '_' and '-' that begins with no '.'")
        self._kept.put(name, _usable(secret, "the secret to keep"))
        self._known.add(secret)
        return reference

    def learn(self, secret: str) -> None:
        """Mask this value as well in whatever is recorded, such as a token that a partner granted."""
        self._known.add(secret)

    def learn_token(self, token: str) -> None:
        """Mask this token of the service, and refuse requests and files that hold it."""
        self._known.add(token)
        self._given.add(token, GivenSecret(None))

    def written_in(self, text: str) -> GivenSecret | None:
        """The secret given at start, or token of the service, whose value a text holds, in any form that is masked."""
        return self._given.first_in(text)

    def mask(self, text: str) -> str:
        """The text with every known secret masked, also in base64, in hexadecimal and with escapes."""
        return self._known.mask(text)

    def new_token(self) -> str:
        """48 random bytes, base64url."""
        return secrets.token_urlsafe(_TOKEN_BYTES)

    def _from_file(self, name: str) -> str:
        return _given(self._files.read(self._folder.path(name)), f"the file {name}")

    def _from_environment(self, variable: str) -> str:
        if variable not in self._environment:
            raise invalid(f"no environment variable {variable}", "one the service was started with")
        return _given(self._environment[variable], f"the environment variable {variable}")

    def _faults(self) -> Iterator[Fault]:
        for variable, value in sorted(self._environment.items()):
            if variable.startswith(VARIABLE_PREFIX):
                handle = variable.removeprefix(VARIABLE_PREFIX).lower()
                yield from self._learned(value, handle, "/environment", f"the variable {variable}")
        for file in self._folder.files():
            text = self._text_of_one_line(file.path)
            if text is not None:
                reference = f"file:{file.name}" if "/" in file.name else file.name
                yield from self._learned(text, reference, "/secrets", f"the file {file.name}")

    def _learned(self, value: str, reference: str, pointer: str, where: str) -> Iterator[Fault]:
        expected = _expected_instead(value)
        if expected:
            yield Fault(pointer, where, expected)
            return
        self._known.add(value)
        self._given.add(value, GivenSecret(reference))

    def _text_of_one_line(self, path: Path) -> str | None:
        try:
            text = self._files.read(path)
        except InvalidInput:
            return None
        return None if _CONTROL.search(text) or text.startswith(_LEAD_IN) else text


def _expected_instead(value: str) -> str:
    """What is expected of a secret given at start that this value is not; nothing when it can be used."""
    if len(value) < SHORTEST:
        return f"a value of at least {SHORTEST} characters, since a shorter one cannot be masked"
    if value != value.strip():
        return "a value that does not begin or end with a blank, which a header would lose"
    return ""


def _given(secret: str, where: str) -> str:
    """A secret given at start, or rotated since then."""
    expected = _expected_instead(_usable(secret, where))
    if expected:
        raise invalid(f"{where}, which is not usable", expected)
    return secret


def _usable(secret: str, where: str) -> str:
    """A secret goes into a header, so it has to fit there."""
    if not secret:
        raise invalid(f"{where}, which is empty", "a secret")
    if _CONTROL.search(secret):
        raise invalid(f"{where} with line ends or control characters", "a secret of one line")
    return secret
