"""`python -m depot_sim.standin`. Ctrl-C while the program is imported ends it with one word, as it does later."""

from __future__ import annotations

import os
import signal
import sys

_INTERRUPTED = 130


def _end(*_: object) -> None:
    os.write(2, b"interrupted\n")
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # and not ignored, as in a background job
        signal.signal(signal.SIGINT, _end)  # until the server handles signals itself
    import faulthandler

    from depot_sim.standin.command import main

    faulthandler.enable()
    sys.exit(main())
