"""Domain and application stay deterministic: no clock, no randomness, no I/O in the domain, no float in state."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.purity import APPLICATION, DOMAIN, Layer, Violation, violations

ROOT = Path(__file__).parents[1]


def _sources(layer: Layer) -> list[Path]:
    return sorted((ROOT / layer.name).rglob("*.py"))


@pytest.mark.parametrize("layer", [DOMAIN, APPLICATION], ids=lambda layer: layer.name)
def test_every_file_of_the_layer_is_pure(layer: Layer) -> None:
    files = _sources(layer)
    assert files
    assert [
        f"{path.relative_to(ROOT)}:{found.line}: {found.message}"
        for path in files
        for found in violations(path.read_text(encoding="utf-8"), layer)
    ] == []


IMPURE_ANYWHERE = [
    "import random",
    "from random import choice",
    "import secrets",
    "import time",
    "from time import monotonic as tick",
    "import litestar",
    "import domain",
    "import depot_sim",
    "from depot_sim import adapters",
    "from depot_sim.adapters.event_store import open_log",
    "from uuid import uuid4",
    "import uuid\nid = uuid.uuid1()",
    "import datetime\nat = datetime.datetime.now(datetime.UTC)",
    "from datetime import date\nday = date.today()",
    "soc = float(text)",
    "class Battery:\n    soc: float",
    "class Battery:\n    soc: float | None = None",
    "class Battery:\n    curve: list[tuple[int, float]]",
]
IMPURE_IN_THE_DOMAIN = [
    "import asyncio",
    "import os.path",
    "import socket",
    "from io import BytesIO",
    "from pathlib import Path",
    "from depot_sim.application.event_log import Row",
    "text = open('depot.yaml').read()",
    "print('tick')",
    "share = 0.8",
    "half = limit / 2",
    "limit /= 2",
]
PURE = [
    "import math, re, hashlib\nimport msgspec\nfrom depot_sim.domain.kernel.events import Event",
    "from decimal import Decimal",
    "from datetime import UTC, datetime\nstart = datetime(2026, 1, 1, tzinfo=UTC)",
    "import uuid\nid = uuid.uuid5(namespace, name)",
    "def total(watts: list[int]) -> int:\n    return sum(watts) // len(watts)",
    "class Battery:\n    soc_ppm: int\n    name: str = 'float'",
    "def message(watts: int) -> str:\n    return f'{watts / 1000:.1f} kW'",
    "at = clock.now()",
]


@pytest.mark.parametrize("source", IMPURE_ANYWHERE)
@pytest.mark.parametrize("layer", [DOMAIN, APPLICATION], ids=lambda layer: layer.name)
def test_both_layers_refuse(source: str, layer: Layer) -> None:
    assert violations(source, layer)


@pytest.mark.parametrize("source", IMPURE_IN_THE_DOMAIN)
def test_the_domain_refuses(source: str) -> None:
    assert violations(source, DOMAIN)


@pytest.mark.parametrize("source", PURE)
def test_the_domain_accepts(source: str) -> None:
    assert violations(source, DOMAIN) == []


def test_the_application_may_wait_and_order() -> None:
    assert (
        violations("import asyncio\nfrom depot_sim.domain.kernel.events import Event\nTIMEOUT = 0.5", APPLICATION) == []
    )


def test_a_violation_names_its_line() -> None:
    assert violations("import msgspec\n\nimport random", DOMAIN) == [Violation(3, "domain may not import random")]
