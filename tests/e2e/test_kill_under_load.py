"""kill -9 while commands, OSCP messages, packets and a scenario are under way: nothing acknowledged is lost or doubled.

`python -m bench.kills` is the same with 67 kills in each part. `test_kill.py` stays in the part of every `make test`.
"""

from __future__ import annotations

import pytest

from bench._kills_scene import Part
from bench.kills import PARTS, play

KILLS = 3


@pytest.mark.full
@pytest.mark.parametrize("part", PARTS, ids=[part.name for part in PARTS])
def test_nothing_acknowledged_under_mixed_load_is_lost_or_done_twice(part: Part) -> None:
    assert play(part, KILLS) == 0
