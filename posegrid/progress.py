"""How far long work is, shown on a terminal; and Ctrl-C that ends it between two pictures."""

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

Item = TypeVar("Item")


def progress_bar(
    console: Console, after: str = "", *, transient: bool = False, disable: bool = False
) -> Progress:
    """A bar with its task's words before it, and `after` (a rich format such as
    "{task.fields[rate]}") behind it; nothing where the console is no terminal, or if told so.
    """
    columns = [TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn()]
    columns += [TextColumn(after, markup=False)] if after else []
    return Progress(
        *columns,
        TimeRemainingColumn(),
        console=console,
        disable=disable or not console.is_terminal,
        transient=transient,
    )


Report = Callable[[str, int, int | None], object]
"""Takes what is being done, how much of it is done, and of how much (None: not known)."""


def reported(
    items: Iterable[Item], what: str, total: int | None, report: Report | None
) -> Iterator[Item]:
    """The same items, each reported when it has been dealt with."""
    for number, item in enumerate(items, start=1):
        yield item
        if report is not None:
            report(what, number, total)


@contextmanager
def on_console(console: Console) -> Iterator[Report]:
    """A report that moves a bar, or where the console is no terminal prints each new work once."""
    with progress_bar(console) as bar:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
                if not console.is_terminal:
                    console.print(what, markup=False)
            bar.update(tasks[what], completed=done, total=total)

        yield report


@contextmanager
def stop_noted() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed in the block; a second one raises KeyboardInterrupt at once.

    Outside the main thread, which alone gets signals, it never was.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    pressed = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
