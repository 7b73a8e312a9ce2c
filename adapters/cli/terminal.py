"""Where a command writes: results to stdout, everything said along the way to stderr."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import msgspec
from rich.console import Console, JustifyMethod
from rich.text import Text

_PLAIN_WIDTH = 200
"""Of tables that go into a file or a pipe."""
_AS_IT_IS: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False}
Advance = Callable[[int, int], None]


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raise, so that every kind of output ends alike; by default the library ends the process with exit code 1."""
        raise BrokenPipeError


class Terminal:
    """Colours and progress bars only where a person looks; otherwise plain text."""

    def __init__(self, stdout: TextIO | None = None, stderr: TextIO | None = None) -> None:
        self._stdout = stdout if stdout is not None else _standard(sys.stdout)
        self.out = _Console(file=self._stdout, **_AS_IT_IS)
        self._wide = self.out if self.out.is_terminal else _Console(file=self._stdout, width=_PLAIN_WIDTH, **_AS_IT_IS)
        self.err = _Console(
            file=stderr if stderr is not None else _standard(sys.stderr), highlight=False, markup=False, emoji=False
        )

    def json(self, value: object) -> None:
        """One line of JSON."""
        self._stdout.write(msgspec.json.encode(value).decode() + "\n")
        self._stdout.flush()

    def text(self, text: str) -> None:
        """Text as it is: not wrapped, not coloured."""
        self._stdout.write(text)
        self._stdout.flush()

    def flush(self) -> None:
        """Write what is still buffered. Raises OSError when it cannot be written."""
        self._stdout.flush()

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[object]],
        *,
        right: Sequence[str] = (),
        whole: Sequence[str] = (),
    ) -> None:
        """Columns named in `right` hold numbers; the first and those named in `whole` are never wrapped."""
        from rich.table import Table

        table = Table(box=None, pad_edge=False, header_style="bold")
        for number, column in enumerate(columns):
            justify: JustifyMethod = "right" if column in right else "left"
            table.add_column(column, justify=justify, overflow="fold", no_wrap=number == 0 or column in whole)
        for row in rows:
            table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
        self._wide.print(table)

    def say(self, text: str, style: str = "") -> None:
        """A remark for the person who waits."""
        self.err.print(text, style=style, soft_wrap=True)

    @contextmanager
    def progress(self, label: str) -> Iterator[Advance]:
        """A bar on stderr while the block runs; nothing unless stderr is a terminal."""
        if not self.err.is_terminal:
            yield _ignore
            return
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.err, transient=True) as bars:
            task = bars.add_task(label, total=None)
            yield lambda done, of: bars.update(task, completed=done, total=of)


def _standard(stream: TextIO | None) -> TextIO:
    """The process's own stream, or nowhere when it was started with that stream closed."""
    return stream if stream is not None else Path(os.devnull).open("w", encoding="utf-8")


def _ignore(_done: int, _of: int) -> None:
    """Nobody looks."""
