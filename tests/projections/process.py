"""What the tests run in processes of their own: `python -m tests.projections.process project|rebuild URL [TIMES]`."""

from __future__ import annotations

import sys
from threading import Event

from depot_sim.projections import follower
from depot_sim.projections.rebuild import rebuild
from depot_sim.projections.runner import Runner
from tests.projections.every_model import PROJECTORS
from tests.projections.samples import opened


def main() -> None:
    action, url, *times = sys.argv[1:]
    with opened(url) as stores:
        if action == "project":
            follower.PAGE = 5  # so that a kill hits many transactions
            runner = Runner(stores.log, stores.read, PROJECTORS)
            runner.start()
            Event().wait()
        for _ in range(int(*times)):
            for projector in PROJECTORS:
                rebuilt = rebuild(projector, stores.log, stores.read[projector.model], verify=True)
                sys.stdout.write(f"{rebuilt.read_model} {rebuilt.equal}\n")


if __name__ == "__main__":
    main()
