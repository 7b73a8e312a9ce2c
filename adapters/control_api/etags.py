"""Entity tags and the conditions that name them (RFC 9110, section 13)."""

from __future__ import annotations

from depot_sim.adapters.control_api.problems import PreconditionRequired
from depot_sim.application.configuration.service import ConfigurationVersion
from depot_sim.domain.kernel.errors import PreconditionFailed


def configuration_etag(version: ConfigurationVersion) -> str:
    """Names the version and its content, so that one of another store never matches."""
    return f'"{version.version}-{version.sha256[:16]}"'


def world_etag(version: int) -> str:
    return f'"{version}"'


def is_known(if_none_match: str | None, etag: str) -> bool:
    """Whether the client has this very thing already."""
    return if_none_match is not None and (if_none_match.strip() == "*" or etag in _tags(if_none_match, weak=True))


def check_if_match(if_match: str | None, newest: ConfigurationVersion, *, required: bool) -> None:
    """Raises PreconditionRequired when it is missing, PreconditionFailed when it names anything but the newest."""
    if if_match is None:
        if required:
            detail = "a replacement must say which version it replaces"
            raise PreconditionRequired(detail, "send the ETag of the version you read in If-Match")
        return
    etag = configuration_etag(newest)
    if if_match.strip() != "*" and etag not in _tags(if_match, weak=False):
        detail = f"configuration {newest.id} is at {etag}, which If-Match does not name"
        raise PreconditionFailed(detail, "read the newest version, apply the change to it, and send its ETag")


def _tags(header: str, *, weak: bool) -> list[str]:
    """The tags of a list; weak ones count as strong, or not at all."""
    tags = [tag.strip() for tag in header.split(",")]
    return [tag.removeprefix("W/") for tag in tags if weak or not tag.startswith("W/")]
