"""What a Register has to offer: the version we speak, an address, and a token that fits into a header."""

from __future__ import annotations

import re
from collections.abc import Iterator

from depot_sim.domain.kernel.address import shown_address
from depot_sim.domain.oscp.findings import Finding, Kind
from depot_sim.domain.oscp.registering import VERSION, chosen, correspondent, resolved
from depot_sim.domain.oscp.rules.context import Case
from depot_sim.domain.oscp.wire.messages import Register
from depot_sim.domain.oscp.wire.shown import quoted

LONGEST_TOKEN = 1_000
_is_token = re.compile(r"[\x21-\x7e]+").fullmatch


def version(case: Case) -> Iterator[Finding]:
    register = case.message
    if isinstance(register, Register) and chosen(register) is None:
        found = ", ".join(quoted(offered.version) for offered in register.versions[:5])
        yield Finding("register.version", Kind.VERSION, found, VERSION, "/version_url")


def address(case: Case) -> Iterator[Finding]:
    register = case.message
    offered = chosen(register) if isinstance(register, Register) else None
    if offered is None:
        return
    try:
        resolved(offered.base_url, correspondent(case.state).betterfleet_base_url)
    except ValueError:
        expected = "an http or https URL without user name, password and query, or a path on the host known before"
        yield Finding("register.base-url", Kind.SEMANTICS, shown_address(offered.base_url), expected, "/version_url")


def token(case: Case) -> Iterator[Finding]:
    """No finding repeats it."""
    register = case.message
    if not isinstance(register, Register):
        return
    if len(register.token) > LONGEST_TOKEN or not _is_token(register.token):
        found = f"a text of {len(register.token)} characters"
        expected = f"1 to {LONGEST_TOKEN} visible ASCII characters"
        yield Finding("register.token", Kind.SEMANTICS, found, expected, "/token")


RULES = (version, address, token)
