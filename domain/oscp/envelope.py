"""What is checked of a request before its body: headers, size, content type, credentials."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from domain.oscp.findings import Finding, Kind
from domain.oscp.profile import PartnerProfile, Presence
from domain.oscp.segments import SEGMENT_COUNT, SEGMENT_INDEX

CONFIGURATION_ID = "X-OSCP-Configuration-ID"
REQUEST_ID = "X-Request-ID"
CORRELATION_ID = "X-Correlation-ID"
SINGLE = (
    *(CONFIGURATION_ID, REQUEST_ID, CORRELATION_ID, SEGMENT_INDEX, SEGMENT_COUNT),
    *("Authorization", "Content-Type"),
)
_SINGLE = {header.lower(): header for header in SINGLE}
_JSON = "application/json"


def envelope_findings(
    headers: Sequence[tuple[str, str]], profile: PartnerProfile, kept_bytes: int, body_bytes: int
) -> Iterator[Finding]:
    """Header names are in lower case."""
    names = [name for name, _ in headers]
    for name in _doubled(names):
        found = f"{names.count(name)} of them"
        yield Finding(f"header.{name}.doubled", Kind.HEADERS, found, f"one {_SINGLE[name]}")
    if profile.request_id is Presence.REQUIRED and not _value(headers, "x-request-id"):
        yield Finding("header.x-request-id.missing", Kind.HEADERS, "none", f"{REQUEST_ID}, unique per message")
    if body_bytes > kept_bytes:
        yield Finding("body.too-large", Kind.SIZE, f"{body_bytes} bytes", f"at most {kept_bytes}")
    if body_bytes:
        yield from _content_type(_value(headers, "content-type"))


def _doubled(names: Sequence[str]) -> list[str]:
    if len(set(names)) == len(names):
        return []
    return [name for name in _SINGLE if names.count(name) > 1]


def _content_type(value: str) -> Iterator[Finding]:
    if value == _JSON:
        return
    media_type = value.partition(";")[0].strip().lower()
    if media_type != _JSON and not media_type.endswith("+json"):
        yield Finding("header.content-type", Kind.CONTENT_TYPE, value or "none", _JSON)


def _value(headers: Sequence[tuple[str, str]], name: str) -> str:
    for key, value in headers:
        if key == name:
            return value
    return ""
