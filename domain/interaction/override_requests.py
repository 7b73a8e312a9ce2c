"""Reading requests for overrides: a mode by its name, or a match with an effect; or what to clear."""

from __future__ import annotations

import msgspec

from depot_sim.domain.interaction.effect_limits import direction_fault, direction_of, effect_faults
from depot_sim.domain.interaction.effects import AnyEffect
from depot_sim.domain.interaction.family import Family, Mode, nearest_names
from depot_sim.domain.interaction.override_events import Match, Override
from depot_sim.domain.interaction.pattern_requests import PatternReader, PatternRequest, raise_faults
from depot_sim.domain.kernel.instants import Instant, written
from depot_sim.domain.kernel.problems import quoted
from depot_sim.domain.kernel.reading import read

LONGEST_MS = 24 * 3_600_000
"""How long an override stays when the request does not say: every override is bounded in time."""
MOST_TIMES = 1_000_000
LONGEST_REASON = 500


class MatchRequest(PatternRequest, frozen=True, omit_defaults=True):
    """With `nth`, only the n-th such message; with `one_in`, one in so many of them, drawn by the run's seed."""

    nth: int | None = None
    one_in: int | None = None


class OverrideRequest(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Either `mode`, or `effect` with a `match` (left out: every message), or `clear` ("all", or an override's id).

    It ends at `until` on the target's clock (left out: when the mode does, or a day from now), and after `times` hits
    if that is given. `reason` says why somebody wants it, at most 500 characters.
    """

    mode: str | None = None
    match: MatchRequest | None = None
    effect: AnyEffect | None = None
    until: Instant | None = None
    times: int | None = None
    clear: str | None = None
    reason: str = ""


class Clear(msgspec.Struct, frozen=True):
    """What to clear: an override's id, or "all"."""

    which: str


def read_override_request(raw: object, family: Family, now: int, seed: int = 0) -> Override | Clear:
    """What is asked for, `now` being on the target's clock. Raises InvalidInput with every fault."""
    reading = read(raw, OverrideRequest)
    request = reading.document
    reader = _Reader(family)
    asked = reader.read(request, now, seed) if request is not None else None
    raise_faults(reading, reader.faults)
    assert asked is not None, "nothing to do means a fault"
    return asked


class _Reader(PatternReader):
    def read(self, request: OverrideRequest, now: int, seed: int) -> Override | Clear | None:
        given = [name for name in ("mode", "effect", "clear") if getattr(request, name) is not None]
        if len(given) != 1:
            self.fault("", " and ".join(given) or "none of them", "exactly one of mode, effect and clear")
            return None
        if request.clear is not None:
            return self._clear(request)
        self._bounds(request, now)
        if request.effect is not None:
            until = _until(request, now, None)
            return Override(
                self._match(request), request.effect, until, request.times, seed=seed, reason=request.reason
            )
        mode = self._mode(request)
        if mode is None:
            return None
        times = request.times if request.times is not None else mode.times
        until = _until(request, now, mode.lasts_ms)
        return Override(mode.match, mode.effect, until, times, mode=mode.name, seed=seed, reason=request.reason)

    def _clear(self, request: OverrideRequest) -> Clear:
        for name in ("match", "until", "times"):
            if getattr(request, name) is not None:
                self.fault(f"/{name}", "a value", "nothing beside clear")
        if not request.clear:
            self.fault("/clear", '""', '"all", or an override\'s id')
        return Clear(request.clear or "")

    def _bounds(self, request: OverrideRequest, now: int) -> None:
        if request.until is not None and request.until <= now:
            self.fault("/until", written(request.until), f"a time after {written(now)}, the present on this clock")
        if len(request.reason) > LONGEST_REASON:
            self.fault("/reason", f"{len(request.reason)} characters", f"at most {LONGEST_REASON}")
        if request.times is not None and not 1 <= request.times <= MOST_TIMES:
            self.fault("/times", f"the number {request.times}", f"1 to {MOST_TIMES}")

    def _mode(self, request: OverrideRequest) -> Mode | None:
        if request.match is not None:
            self.fault("/match", "an object", "nothing: a mode brings its own match")
        name = request.mode or ""
        mode = self.family.modes.get(name)
        if mode is None:
            self.fault("/mode", f"the unknown mode {quoted(name)}", nearest_names(name, tuple(self.family.modes)))
        return mode

    def _match(self, request: OverrideRequest) -> Match:
        match, effect = request.match or MatchRequest(), request.effect
        assert effect is not None, "an effect was given"
        for fault in effect_faults(effect, self.family):
            self.fault(f"/effect{fault.pointer}", fault.found, fault.expected)
        if wrong := direction_fault(effect, match.direction, self.family):
            self.fault("/match/direction", str(match.direction), f"{wrong} for this effect")
        self._choice(match, request.times)
        direction = direction_of(effect, match.direction, self.family)
        self.check_one_way(match.message_types, "/match/message_types", direction)
        return Match(
            direction,
            self.message_types(match.message_types, "/match/message_types"),
            match.correlation_id,
            self.conditions(match.where, "/match/where"),
            match.nth,
            match.one_in,
        )

    def _choice(self, match: MatchRequest, times: int | None) -> None:
        if match.nth is not None and not 1 <= match.nth <= MOST_TIMES:
            self.fault("/match/nth", f"the number {match.nth}", f"1 to {MOST_TIMES}")
        if match.nth is not None and times is not None:
            self.fault("/times", "a value", "nothing beside nth, which hits once")
        if match.one_in is not None and not 2 <= match.one_in <= MOST_TIMES:
            self.fault("/match/one_in", f"the number {match.one_in}", f"2 to {MOST_TIMES}")
        if match.nth is not None and match.one_in is not None:
            self.fault("/match/one_in", "a value", "nothing beside nth, which hits once")


def _until(request: OverrideRequest, now: int, lasts_ms: int | None) -> int:
    return now + (lasts_ms or LONGEST_MS) if request.until is None else int(request.until)
