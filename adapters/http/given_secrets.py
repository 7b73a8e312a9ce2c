"""The secrets that a service was started with, by their values."""

from __future__ import annotations

from depot_sim.adapters.http.known_secrets import KnownSecrets
from depot_sim.domain.kernel.written_secrets import GivenSecret


class GivenSecrets:
    """Tells which of them a text holds. Values that partners choose are not among them.

    A request that holds one is refused, so a partner that registers with an ordinary word as its token could else keep
    operators from using that word.
    """

    def __init__(self) -> None:
        self._secrets: dict[str, GivenSecret] = {}
        self._values = KnownSecrets()

    def add(self, value: str, secret: GivenSecret) -> None:
        self._secrets.setdefault(value, secret)
        self._values.add(value)

    def first_in(self, text: str) -> GivenSecret | None:
        """The secret whose value stands in the text, in clear or encoded; None when there is none."""
        part = self._values.first_in(text)
        if part is None:
            return None
        return next((secret for value, secret in self._secrets.items() if _is(part, value)), GivenSecret(None))


def _is(part: str, value: str) -> bool:
    one = KnownSecrets()
    one.add(value)
    return one.first_in(part) is not None
