"""What is found while a body is read that is not in the standard's form."""

from __future__ import annotations

from depot_sim.domain.oscp.findings import Deviation, Finding, Kind

MOST = 100
"""Findings, and deviations, kept of one body: a hostile one shall not make a ledger entry larger than itself."""

STANDARD_FORMS = {
    "camel-case": "the name in snake_case",
    "enum-case": "the value in upper case",
    "flat-behaviour": "its fields within required_behaviour",
    "fraction-digits": "a time with 3 digits of a second, or none",
    "fractional-interval": "a whole number of seconds",
    "group-id-as-correlation": "the request id of the message that is answered",
    "measurement-configuration-missing": "measurement_configuration, which may be an empty list",
    "naive-time": "a time with Z or an offset",
    "null-field": "no such field where there is no value",
    "number-as-string": "a number",
    "offset-form": "an offset such as +10:00",
    "repeated-item": "each value once",
    "seconds-missing": "a time with seconds",
    "space-for-t": "T between day and time",
    "unknown-field": "no field the standard does not have",
    "zero-interval": "no heartbeat_interval where none is wanted",
}
"""Every deviation that can be read, by the name a profile tolerates it by, and what the standard wants instead."""


class Notes:
    """Findings and deviations of one body. Deviations that are not tolerated count as findings."""

    def __init__(self, tolerated: frozenset[str]) -> None:
        self._tolerated = tolerated
        self.findings: list[Finding] = []
        self.deviations: list[Deviation] = []

    def malformed(self, rule: str, found: str, expected: str) -> None:
        self._add(Finding(rule, Kind.MALFORMED, found, expected))

    def fault(self, rule: str, pointer: str, found: str, expected: str) -> None:
        self._add(Finding(rule, Kind.SCHEMA, found, expected, pointer))

    def deviation(self, name: str, pointer: str, found: str) -> None:
        if name not in self._tolerated:
            self.fault(f"deviation.{name}", pointer, found, STANDARD_FORMS[name])
        elif len(self.deviations) < MOST:
            self.deviations.append(Deviation(name, found, pointer))

    @property
    def full(self) -> bool:
        """Nothing more is kept: the body is refused, and reading on would tell nobody anything."""
        return len(self.findings) >= MOST

    def _add(self, finding: Finding) -> None:
        if not self.full:
            self.findings.append(finding)
