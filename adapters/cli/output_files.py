"""Files that a command writes: whole or not at all."""

from __future__ import annotations

import errno
import os
from contextlib import suppress
from pathlib import Path

from depot_sim.adapters.cli.os_errors import NO_FOLDER


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, also when the disk is full.

    What is no regular file, such as /dev/stdout or a pipe, is written to as it is. Raises OSError that names `path`.
    """
    folder = path.absolute().parent
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, NO_FOLDER, str(folder))
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(content)
            return
        target = path.resolve()
        beside = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            beside.write_bytes(content)
            beside.replace(target)
        except OSError:
            with suppress(OSError):
                beside.unlink()
            raise
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from None
