"""A message as overrides and expectations see it, whatever the protocol."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any

import msgspec


class Direction(StrEnum):
    """As the simulator sees it."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Nothing(Enum):
    """What is found where nothing is; JSON's null is something."""

    NOTHING = "nothing"


NOTHING = Nothing.NOTHING

decode_json = msgspec.json.Decoder(float_hook=Decimal).decode
"""JSON as plain values: fractions are exact Decimals."""


class ObservedMessage(msgspec.Struct, eq=False):
    """One message. `at` is on the target's clock (ms since 1970 UTC); `raw` is the body as it travels.

    `target` is what the message belongs to, such as a session id; `entry_id` names its entry in the ledger.
    """

    direction: str
    message_type: str
    target: str = ""
    request_id: str = ""
    correlation_id: str = ""
    at: int = 0
    entry_id: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    raw: bytes = b""
    _decoded: Any = None
    _is_decoded: bool = False

    @property
    def body(self) -> Any:
        """The body as plain values, NOTHING when it cannot be read; decoded once, when somebody asks."""
        if not self._is_decoded:
            self._decoded = _decoded(self.raw)
            self._is_decoded = True
        return self._decoded

    def header(self, name: str) -> str | Nothing:
        """The header of this name, in any case; the first one when there are several."""
        wanted = name.casefold()
        return next((value for header, value in self.headers if header.casefold() == wanted), NOTHING)


def _decoded(raw: bytes) -> Any:
    try:
        return decode_json(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return NOTHING
