"""What is checked of a request before its body: headers, size, content type, credentials."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from depot_sim.domain.oscp.findings import Finding, Kind
from depot_sim.domain.oscp.profile import PartnerProfile, Presence
from depot_sim.domain.oscp.segments import SEGMENT_COUNT, SEGMENT_INDEX

CONFIGURATION_ID = "X-OSCP-Configuration-ID"
REQUEST_ID = "X-Request-ID"
CORRELATION_ID = "X-Correlation-ID"
SINGLE = (
    *(CONFIGURATION_ID, REQUEST_ID, CORRELATION_ID, SEGMENT_INDEX, SEGMENT_COUNT),
    *("Authorization", "Content-Type"),
)
_SINGLE = {header.lower(): header for header in SINGLE}
_JSON = "application/json"
is_message_id = re.compile(r"[\x21-\x7e]{1,200}").fullmatch
"""Whether a text may be a request id or a correlation id."""


def envelope_findings(
    headers: Sequence[tuple[str, str]], profile: PartnerProfile, kept_bytes: int, body_bytes: int
) -> Iterator[Finding]:
    """Header names are in lower case."""
    values = dict(reversed(headers))
    if len(values) < len(headers):
        yield from _doubled([name for name, _ in headers])
    if profile.request_id is Presence.REQUIRED and not values.get("x-request-id"):
        yield Finding("header.x-request-id.missing", Kind.HEADERS, "none", f"{REQUEST_ID}, unique per message")
    for header in (REQUEST_ID, CORRELATION_ID):
        value = values.get(header.lower())
        if value and not is_message_id(value):
            expected = "1 to 200 visible ASCII characters"
            yield Finding(f"header.{header.lower()}.form", Kind.HEADERS, f"{len(value)} characters", expected)
    if body_bytes > kept_bytes:
        yield Finding("body.too-large", Kind.SIZE, f"{body_bytes} bytes", f"at most {kept_bytes}")
    if body_bytes:
        yield from _content_type(values.get("content-type", ""))


def _doubled(names: Sequence[str]) -> Iterator[Finding]:
    for name, header in _SINGLE.items():
        count = names.count(name)
        if count > 1:
            yield Finding(f"header.{name}.doubled", Kind.HEADERS, f"{count} of them", f"one {header}")


def _content_type(value: str) -> Iterator[Finding]:
    if value == _JSON:
        return
    media_type = value.partition(";")[0].strip().lower()
    if media_type != _JSON and not media_type.endswith("+json"):
        yield Finding("header.content-type", Kind.CONTENT_TYPE, value or "none", _JSON)
