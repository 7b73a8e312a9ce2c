"""What the operating system refuses, in plain words: what cannot be used, why, and what to do."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterator
from typing import NamedTuple

from depot_sim.adapters.cli.exit_codes import ExitCode


class OsFailure(NamedTuple):
    """`what` names the file, where the system names it."""

    what: str
    hint: str
    code: ExitCode = ExitCode.USAGE


_FULL = ("the disk is full", "free some space, then repeat the command", ExitCode.UNREACHABLE)
_DENIED = ("this user may not read or write it", "change its permissions, or name another path", ExitCode.USAGE)
_FILES = {
    errno.ENOENT: ("the file does not exist", "check the path", ExitCode.USAGE),
    errno.EISDIR: ("it is a folder", "name a file", ExitCode.USAGE),
    errno.ENOTDIR: ("a part of the path is no folder", "check the path", ExitCode.USAGE),
    errno.EEXIST: ("it exists already", "name another path, or remove it first", ExitCode.USAGE),
    errno.ENAMETOOLONG: ("the path is too long", "name a shorter one", ExitCode.USAGE),
    errno.ELOOP: ("its symbolic links lead in a circle", "check the path", ExitCode.USAGE),
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.EROFS: ("its file system is read-only", "name a path that can be written to", ExitCode.USAGE),
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: ("the file would be larger than is allowed here", "raise the limit (ulimit -f)", ExitCode.UNREACHABLE),
    errno.EMFILE: ("too many files are open", "raise the limit (ulimit -n)", ExitCode.UNREACHABLE),
    errno.ENFILE: ("too many files are open on this machine", "close other programs", ExitCode.UNREACHABLE),
    errno.EIO: ("the device fails", "check the disk", ExitCode.UNREACHABLE),
    errno.ENOMEM: ("there is not enough memory", "close other programs", ExitCode.UNREACHABLE),
}
NO_FOLDER = "no such folder"
"""The text of an ENOENT for a folder that an output file would be in."""
_NETWORK = {
    errno.ECONNREFUSED: "the connection was refused, so no program listens there",
    errno.ECONNRESET: "the connection was closed before the answer",
    errno.EPIPE: "the connection was closed before the answer",
    errno.EHOSTUNREACH: "the host cannot be reached",
    errno.ENETUNREACH: "the network cannot be reached",
    errno.EADDRNOTAVAIL: "the address cannot be used on this machine",
    errno.EADDRINUSE: "another program uses it",
    errno.ETIMEDOUT: "the connection took too long",
}


_ADDRESSES = (errno.EADDRINUSE, errno.EADDRNOTAVAIL)
_PORT = "name another address or port"


def failure_of(error: OSError) -> OsFailure:
    """What failed with a file, or with the output where the system names no file."""
    number = error.errno or 0
    reason, hint, code = _FILES.get(number, (_reason(error), "check the path and its permissions", ExitCode.USAGE))
    if number == errno.ENOENT and error.strerror == NO_FOLDER:
        reason, hint = "the folder does not exist", "create it first, or name another path"
    if number in _ADDRESSES:
        return OsFailure(
            f"an address cannot be used: {_NETWORK.get(number) or _reason(error)}", _PORT, ExitCode.UNREACHABLE
        )
    if not error.filename:
        return OsFailure(f"the output cannot be written: {reason}", hint, ExitCode.UNREACHABLE)
    return OsFailure(f"{os.fsdecode(error.filename)} cannot be used: {reason}", hint, code)


def network_reason(error: BaseException) -> str:
    """Why a server did not answer, from the operating system's error at the root of a library's."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not accepted ({cause.verify_message})"
        if isinstance(cause, ssl.SSLError):
            return "it does not speak TLS as expected; check http or https in the URL"
        if isinstance(cause, socket.gaierror):
            return "the host name is unknown"
        if isinstance(cause, OSError) and cause.errno is not None:
            return _NETWORK.get(cause.errno) or _reason(cause)
    return ""


def _reason(error: OSError) -> str:
    """The system's own words, without its number."""
    return (error.strerror or str(error) or type(error).__name__).lower()


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it, the nearest first; of several tries at once, each."""
    yield error
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _causes(each)
    following = error.__cause__ or error.__context__
    if following is not None:
        yield from _causes(following)
