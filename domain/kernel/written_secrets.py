"""Secrets whose value somebody wrote down in place of a reference: nothing that holds one is recorded.

Requests to the control API and the command line refuse them. Messages of partners are recorded with secrets masked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

from depot_sim.domain.kernel.errors import Fault, InvalidInput
from depot_sim.domain.kernel.pointer import child
from depot_sim.domain.kernel.problems import Faults


class GivenSecret(NamedTuple):
    """A secret that the service was started with. `reference` names it; a token of the service has none."""

    reference: str | None

    def fault(self, pointer: str, place: str = "a text") -> Fault:
        """`place` is what holds the value. The fault does not repeat it."""
        if self.reference is None:
            expected = "no token of the service: it belongs into the header Authorization of a request only"
            return Fault(pointer, f"{place} with a token of the service", expected)
        reference = json.dumps({"secret": self.reference})
        expected = f"no value of a secret; where one is needed, its reference in place of its value: {reference}"
        return Fault(pointer, f"{place} with the value of the secret {self.reference}", expected)


SecretIn: TypeAlias = Callable[[str], GivenSecret | None]
"""The secret given at start whose value a text holds, in clear or encoded; None when it holds none."""


class SecretWritten(InvalidInput):
    type = "secret-written"
    title = "The value of a secret is written down"


def no_secret_in(_: str) -> GivenSecret | None:
    """For texts that come with depot-sim, and where no secrets are known."""
    return None


def refuse_secrets(value: Any, text: str, secret_in: SecretIn) -> None:
    """Raises SecretWritten, with a pointer to each place, when plain values hold a secret. `text` is them as JSON."""
    secret = secret_in(text)
    if secret is None:
        return
    faults = Faults()
    try:
        faults.extend(_written(value, "", secret_in))
    except RecursionError:
        faults.append(secret.fault("", "a value nested very deep"))
    if faults:
        raise SecretWritten(faults.listed())


def _written(value: Any, pointer: str, secret_in: SecretIn) -> Iterator[Fault]:
    match value:
        case dict():
            for name, held in value.items():
                secret = secret_in(name)
                if secret is not None:  # no pointer leads on from here: it would repeat the name
                    yield secret.fault(pointer, "the name of a field")
                else:
                    yield from _written(held, child(pointer, name), secret_in)
        case list():
            for index, held in enumerate(value):
                yield from _written(held, child(pointer, index), secret_in)
        case _:
            secret = secret_in(value if isinstance(value, str) else json.dumps(value))
            if secret is not None:
                yield secret.fault(pointer)
