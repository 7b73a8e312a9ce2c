"""The entry point of the command line.

Ctrl-C while the program is imported ends it with one word, as it does later. Therefore this module imports next to
nothing itself, and everything else once the signal is handled.
"""

from __future__ import annotations

import os
import signal
import sys

_INTERRUPTED = 130


def main() -> None:
    """Carry out this process's arguments and exit with what they came to."""
    try:
        is_ignored = signal.getsignal(signal.SIGINT) is not signal.default_int_handler  # as in a background job
        if not is_ignored:
            signal.signal(signal.SIGINT, _end)  # an exception in the middle of an import would show as a traceback
        from depot_sim.adapters.cli import main as command_line
        from depot_sim.bootstrap.tools import toolbox

        tools = toolbox()
        if not is_ignored:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.exit(command_line(tools))
    except KeyboardInterrupt:
        _end()


def _end(*_: object) -> None:
    os.write(2, b"interrupted\n")
    os._exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
