"""Messages that are too large for a partner, sent in segments: each one a letter of its own.

The first segment carries the message's ids, later ones correlate to it. What overrides do to the content of a message
is done before it is split.
"""

from __future__ import annotations

import msgspec

from depot_sim.application.oscp.outbound.messages import MessageDraft, OutboundMessage, letter_for, with_header
from depot_sim.domain.interaction.effects import Mismatch, Mismatched
from depot_sim.domain.interaction.treatment import Treatment
from depot_sim.domain.oscp.envelope import CORRELATION_ID
from depot_sim.domain.oscp.segments import SEGMENT_COUNT, SEGMENT_INDEX


def numbered(whole: OutboundMessage) -> OutboundMessage:
    """The whole letter with the headers of a first segment, if it is too large to go in one piece."""
    count = len(_pieces(whole))
    return whole if count == 1 else _placed(whole, 1, count)


def split(whole: OutboundMessage) -> OutboundMessage:
    """The first segment, or the letter in one piece if it is small enough, whatever it was before."""
    first, *rest = _pieces(whole)
    if rest:
        return _placed(whole, 1, 1 + len(rest))._replace(body=first, rest=tuple(rest))
    if whole.segments == 1:
        return whole
    headers = with_header(with_header(whole.headers, SEGMENT_INDEX, None), SEGMENT_COUNT, None)
    return whole._replace(headers=headers, segments=1)


def later_segment(first: OutboundMessage, index: int, request_id: str) -> OutboundMessage:
    """The `index`-th segment of the message, from 2 on."""
    draft = MessageDraft(first.draft.type, body=first.rest[index - 2], headers=first.draft.headers)
    letter = letter_for(draft, first.attached, request_id)
    headers = with_header(letter.headers, CORRELATION_ID, first.request_id)
    correlated = letter._replace(headers=headers, correlation_id=first.request_id, is_later=True)
    correlated = correlated.marked(first.own_marks)
    return _placed(correlated, index, first.segments)


def of_segment(treated: Treatment) -> Treatment:
    """What overrides may do to a later segment: its content was treated with the whole."""
    outcome = treated.outcome
    is_content = isinstance(outcome, Mismatch) and outcome.what is Mismatched.GROUP
    return msgspec.structs.replace(treated, malform=None, outcome=None if is_content else outcome)


def _pieces(letter: OutboundMessage) -> list[bytes]:
    profile, body = letter.attached.profile, letter.body
    largest = profile.largest_body_bytes if profile.segments else None
    if largest is None or len(body) <= largest:
        return [body]
    return [body[begin : begin + largest] for begin in range(0, len(body), largest)]


def _placed(letter: OutboundMessage, index: int, count: int) -> OutboundMessage:
    headers = with_header(letter.headers, SEGMENT_INDEX, str(index))
    return letter._replace(headers=with_header(headers, SEGMENT_COUNT, str(count)), segments=count)
