"""What a protocol family brings to scenario control: what it calls a target, its messages, commands and named modes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

import msgspec

from depot_sim.domain.interaction.effects import AnyEffect, Effect
from depot_sim.domain.interaction.message import Direction
from depot_sim.domain.interaction.override_events import Match


class Mode(msgspec.Struct, frozen=True, omit_defaults=True):
    """A named override: `sentence` says what it does. `times` and `lasts_ms` bound it unless the request does."""

    name: str
    sentence: str
    match: Match
    effect: AnyEffect
    times: int | None = None
    lasts_ms: int | None = None


class Family(msgspec.Struct, frozen=True):
    """`target_kind` is what scenarios call its targets, such as "packet-feed".

    `effects` are those its targets carry out, and in which directions; `commands` those a Provoke effect may name.
    `actions` are what steps of scenarios may do to its targets besides overrides and expectations, by their names in
    scenario files; the Struct of each has a field `on`, the target.

    `one_way` are message types that go in one direction only. `request_ids` says whether copies may have new ones.
    `fine` are the outcomes of messages that went as they should. `pseudo_headers` are not on the wire: what is known of
    a message beside it, by names that begin with a colon.
    """

    name: str
    target_kind: str
    message_types: tuple[str, ...]
    modes: Mapping[str, Mode]
    effects: Mapping[type[Effect], frozenset[Direction]]
    actions: Mapping[str, type[msgspec.Struct]] = {}
    commands: tuple[str, ...] = ()
    one_way: Mapping[str, Direction] = {}
    request_ids: bool = True
    fine: tuple[str, ...] = ("accepted",)
    pseudo_headers: tuple[str, ...] = ()

    def only_direction(self, message_types: Iterable[str]) -> Direction | None:
        """The direction in which all these go; None when they may go both ways."""
        directions = {self.one_way.get(name) for name in message_types}
        return directions.pop() if len(directions) == 1 else None

    def message_type(self, written: str) -> str | None:
        """The message type meant, also by its name in paths: update_group_measurements for UpdateGroupMeasurements."""
        wanted = _plain(written)
        return next((name for name in self.message_types if _plain(name) == wanted), None)


def nearest_names(name: str, names: tuple[str, ...]) -> str:
    """Words for what would do instead of `name`: the nearest names, or all of them."""
    near = get_close_matches(name[:100], names, n=3)
    return " or ".join(f'"{one}"' for one in near) if near else f"one of {', '.join(names)}"


def _plain(name: str) -> str:
    return name.replace("_", "").replace("-", "").casefold()
