"""Builds the type information of msgspec before a process starts its second thread.

msgspec builds the type information of a Struct class when it first meets the class, and it publishes the information
before it has filled it. A second thread that meets the class at that moment reads NULL, and the process ends by
SIGSEGV (docs/upstream/msgspec-type-race.md). Information that is complete is only read, by any number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import msgspec

from depot_sim.domain.kernel import events


def build_types() -> int:
    """Build the type information of every Struct class that is loaded, and every event decoder; return the number.

    Call it after the imports and before the first thread. A class that is defined later needs another call. A call
    for classes that are built already takes about 2 ms.
    """
    classes = set(_struct_classes(msgspec.Struct))
    for struct in classes:
        # TypeError, NameError: msgspec cannot decode this class, for instance because of a union of classes without
        # tags. It is made by constructors only, so no thread makes msgspec read its type information.
        with suppress(TypeError, NameError):
            msgspec.json.Decoder(struct)
    events.build_decoders()
    return len(classes)


def _struct_classes(base: type[msgspec.Struct]) -> Iterator[type[msgspec.Struct]]:
    for struct in base.__subclasses__():
        yield struct
        yield from _struct_classes(struct)
