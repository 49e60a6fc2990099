"""How a command speaks: its result on stdout, its diagnostics on stderr, as text for people or JSON for machines.

Owns cleaning: whatever is printed here is outside text until shown otherwise (promise P7), so every string passes
``shown`` or ``shown_line`` and none is read as rich markup. Commands print through these functions only.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workflow.reports.shown_text import shown, shown_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

SCHEMA_VERSION = 1
"""Version of every command's JSON object; raised for all when one of them changes shape."""
_PIPE_WIDTH = 160
"""Columns where no terminal says how wide it is: lines are for grep then, and should not wrap early."""


Progress = Callable[[str, int, int | None], None]
"""Tells how far long work is: what is being done, how many, of how many (None where nobody knows)."""


def say(text: str = "", *, style: str = "") -> None:
    """Print text of one or more lines to stdout."""
    _print(shown(text), style, stderr=False)


def note(line: str, *, style: str = "") -> None:
    """Print one line of diagnostics to stderr."""
    _print(shown_line(line), style, stderr=True)


def banner(lines: Sequence[str]) -> None:
    """Print warnings that a reader must not miss, to stderr, so that a result on stdout stays a result."""
    for line in lines:
        note(line, style="bold yellow")


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, empty: str = "nothing") -> None:
    """Print rows under headings to stdout, or say that there are none; columns without a value are left out."""
    if not rows:
        say(f"({empty})", style="dim")
        return
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    cells = [[shown(_cell(value)) for value in row] for row in rows]
    filled = [at for at in range(len(columns)) if any(row[at] for row in cells)]
    drawn = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for at in filled:
        drawn.add_column(Text(columns[at]), overflow="fold")
    for row in cells:
        drawn.add_row(*(Text(row[at]) for at in filled))
    _console(stderr=False).print(drawn)


def fields(pairs: Sequence[tuple[str, object]]) -> None:
    """Print names and values, one pair a line, to stdout."""
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        say(f"{name:<{width}}  {shown(_cell(value))}")


def emit_json(schema: str, body: Mapping[str, object], *, version: int = SCHEMA_VERSION) -> None:
    """Print one JSON object to stdout: its schema's name and version first, characters beyond ASCII escaped."""
    document = {"schema": f"medrek-flow.{schema}", "version": version, **body}
    sys.stdout.write(json.dumps(document, indent=2, default=str) + "\n")


def emit_json_line(body: Mapping[str, object]) -> None:
    """Print one JSON object as one line to stdout."""
    sys.stdout.write(json.dumps(body, default=str) + "\n")


class ProgressBar:
    """A bar on stderr where that is a terminal; quiet elsewhere. It is drawn from the first call on."""

    def __init__(self) -> None:
        """Draw nothing yet."""
        self._bars: Bars | None = None
        self._task: TaskID | None = None

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Show that ``done`` of ``total`` are through."""
        if not sys.stderr.isatty():
            return
        if self._bars is None or self._task is None:
            self._bars, self._task = _start_bars()
        self._bars.update(self._task, description=shown_line(what, 60), completed=done, total=total)

    def pause(self) -> None:
        """Take the bar away, so that something can be asked; the next call draws it anew."""
        if self._bars is not None:
            self._bars.stop()
            self._bars = None


@contextmanager
def progress_bar() -> Iterator[ProgressBar]:
    """Give a progress bar that is gone when the block is left."""
    bar = ProgressBar()
    try:
        yield bar
    finally:
        bar.pause()


def _start_bars() -> tuple[Bars, TaskID]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    bars = Progress(*columns, console=_console(stderr=True), transient=True)
    bars.start()
    return bars, bars.add_task("", total=None)


def _print(text: str, style: str, *, stderr: bool) -> None:
    """Print lines that break between words on a terminal; a word that fills it stays whole, to be copied."""
    from rich.text import Text

    console = _console(stderr=stderr)
    for line in text.split("\n"):
        whole = not console.is_terminal or any(len(word) >= console.width for word in line.split())
        console.print(Text(line, style=style), soft_wrap=whole)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(file=stream, width=width, markup=False, emoji=False, highlight=False)
