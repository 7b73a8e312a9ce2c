"""Forks processes whose threads meet every Struct class at the same moment.

Reads {"topics": {topic: JSON}, "structs": {class: JSON}} from stdin, which another process has made: this one imports
all modules of a service and builds no type information. Prints how the children ended.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import msgspec

from depot_sim.bootstrap import serve as _serve  # noqa: F401 - loads what a service loads
from depot_sim.bootstrap import tools as _tools  # noqa: F401
from depot_sim.bootstrap.families import FAMILIES, load_families
from depot_sim.bootstrap.msgspec_types import build_types
from depot_sim.domain.kernel import events
from tests.bootstrap.struct_samples import struct_classes

_THREADS = 4
_AT_ONCE = 2
_SWITCH_SECONDS = 1e-6


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--children", type=int, required=True)
    parser.add_argument("--shares", type=int, default=20, help="a child meets one of so many shares of the classes")
    parser.add_argument("--unbuilt", action="store_true")
    options = parser.parse_args()
    load_families(FAMILIES)
    samples = json.load(sys.stdin)
    topics = {topic: text.encode() for topic, text in samples["topics"].items()}
    classes = struct_classes()
    structs = [(classes[name], text.encode()) for name, text in samples["structs"].items()]
    assert threading.active_count() == 1, "a process with threads must not fork"

    def child(number: int) -> None:
        if not options.unbuilt:
            build_types()
        _race(topics, structs[number % options.shares :: options.shares])

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.freeze()
    gc.disable()  # a collection would copy every page that a child shares with this process
    sys.stdout.write(json.dumps(_ends(child, options.children)))


def _ends(child: Callable[[int], None], children: int) -> dict[str, int]:
    """How many children ended in which way: "exit 0", "signal 11" and so on."""
    ends, running = Counter[str](), 0
    for number in range(children):
        if running == _AT_ONCE:
            ends[_end()] += 1
            running -= 1
        if os.fork() == 0:
            try:
                child(number)
                os._exit(0)
            finally:
                os._exit(1)
        running += 1
    for _ in range(running):
        ends[_end()] += 1
    return ends


def _end() -> str:
    _, status = os.wait()
    return f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}"


def _race(topics: dict[str, bytes], structs: list[tuple[type[msgspec.Struct], bytes]]) -> None:
    """Every thread decodes the same texts in the same order."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    barrier = threading.Barrier(_THREADS)
    wrong: list[BaseException] = []

    def work() -> None:
        try:
            barrier.wait()
            for topic, text in topics.items():
                events.decode(topic, text)
            for struct, text in structs:
                # The text of a class with a custom type is not valid; its type information is read all the same.
                with suppress(msgspec.ValidationError):
                    msgspec.json.decode(text, type=struct)
        except BaseException as error:
            wrong.append(error)
            raise

    threads = [threading.Thread(target=work) for _ in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise wrong[0]


if __name__ == "__main__":
    main()
