"""Projector of `oscp_messages`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from depot_sim.application.event_log import Filter, Row
from depot_sim.domain.kernel.events import decode
from depot_sim.domain.oscp.ledger import OscpMessageFinalised, OscpMessageHandled, OscpMessageRecorded, entry_id_of
from depot_sim.projections.projector import Change, each, topics_of
from depot_sim.read_models.database import Database
from depot_sim.read_models.oscp import messages as oscp_messages
from depot_sim.read_models.oscp.messages import Kind, Message, shortened


class OscpMessagesProjector:
    """An entry comes as it is recorded and is settled when it is finalised, mostly in the same page."""

    model = oscp_messages.MODEL
    where = Filter(topics=topics_of(OscpMessageRecorded, OscpMessageFinalised, OscpMessageHandled))

    def project(self, page: Sequence[Row], before: Database) -> Iterable[Change]:
        fold = _Fold(before)
        each(page, fold.take)
        return [
            Change(oscp_messages.MESSAGES, fold.rows(fold.new.values())),
            Change(oscp_messages.MESSAGES, fold.rows(fold.settled), replace=True),
            Change(oscp_messages.KINDS, fold.kind_rows(), replace=True),
        ]


class _Fold:
    """`new` entries by stream, `settled` ones of earlier pages; the number of every entry's kind by its position."""

    def __init__(self, before: Database) -> None:
        self.new: dict[str, Message] = {}
        self.settled: list[Message] = []
        self._kinds: dict[int, int] = {}
        self._numbers: dict[Kind, int] = {}
        self._newest: dict[Kind, int] = {}
        self._before = before

    def rows(self, messages: Iterable[Message]) -> list[Sequence[object]]:
        return [message.row(self._kinds[message.position]) for message in messages]

    def kind_rows(self) -> list[Sequence[object]]:
        """Of those that the page made a message of, with where it last did."""
        return [(self._numbers[kind], *kind, position) for kind, position in self._newest.items()]

    def take(self, row: Row) -> None:
        match decode(row.topic, row.state):
            case OscpMessageRecorded() as event:
                message = self.new[row.stream] = _recorded(row, event)
            case OscpMessageFinalised() as event:
                message = self._message(row.stream)
                _finalise(message, event)
            case OscpMessageHandled() as event:
                message = self.new[row.stream] = _recorded(row, event.recorded)
                _finalise(message, event.finalised)
            case _:
                return
        kind = message.kind
        self._newest[kind] = row.position
        self._kinds[message.position] = self._numbers.get(kind) or self._number(kind, row.position)

    def _number(self, kind: Kind, position: int) -> int:
        """A kind that no page before had is named by where it begins."""
        for known, number in oscp_messages.kinds_of(self._before, kind.session_id).items():
            self._numbers.setdefault(known, number)
        return self._numbers.setdefault(kind, position)

    def _message(self, stream: str) -> Message:
        message = self.new.get(stream)
        if message is None:
            message = oscp_messages.get_message(self._before, entry_id_of(stream))
            if message is None:
                raise LookupError(f"{stream} does not begin with {OscpMessageRecorded.TOPIC}")
            self.settled.append(message)
        return message


def _recorded(row: Row, event: OscpMessageRecorded) -> Message:
    return Message(
        session_id=event.session_id,
        position=row.position,
        entry_id=event.entry_id,
        stream=row.stream,
        run_id=event.run_id,
        configuration_id=shortened(event.configuration_id),
        direction=event.direction.value,
        message_type=event.message_type.value,
        request_id=shortened(event.request_id),
        correlation_id=shortened(event.correlation_id),
        at=event.at,
        overrides=event.overrides,
        matched=event.matched,
    )


def _finalise(message: Message, event: OscpMessageFinalised) -> None:
    message.outcome = event.outcome.value
    message.validation = event.validation.value if event.validation is not None else ""
    message.status = event.answer.status
    message.rule = event.rule
    message.findings = len(event.findings)
    message.deviations = len(event.deviations)
    message.latency_us = event.latency_us
    message.error = event.error.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if event.overrides or event.matched:
        message.overrides = tuple(dict.fromkeys((*message.overrides, *event.overrides)))
        matched = dict.fromkeys((*message.matched, *event.matched))
        message.matched = tuple(id for id in matched if id not in message.overrides)
