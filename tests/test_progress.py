"""How far work is: told after each item, on a bar or in a line; and Ctrl-C that is noted."""

import io
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from rich.console import Console

from posegrid.progress import on_console, progress_bar, reported, stop_noted


def test_an_item_is_reported_when_it_has_been_dealt_with():
    told = []
    for item in reported("ab", "Letters", 2, lambda *words: told.append(words)):
        told.append(item)
    assert told == ["a", ("Letters", 1, 2), "b", ("Letters", 2, 2)]
    assert list(reported(iter("abc"), "Letters", None, None)) == ["a", "b", "c"]


def test_without_a_terminal_each_work_is_printed_once_as_it_is_written():
    console = Console(file=io.StringIO())
    with on_console(console) as report:
        for what, done in (("Reading [a]", 1), ("Reading [a]", 2), ("Writing", 1), ("Writing", 2)):
            report(what, done, None)
    assert console.file.getvalue() == "Reading [a]\nWriting\n"  # type: ignore[attr-defined]


def test_on_a_terminal_a_bar_shows_how_much_is_done():
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=80)
    with on_console(console) as report:
        report("Reading [a]", 3, 7)
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "Reading [a]" in shown and "3/7" in shown


def test_a_bar_is_none_where_it_is_told_so_or_nobody_sees_it():
    seen, unseen = Console(file=io.StringIO(), force_terminal=True), Console(file=io.StringIO())
    assert not progress_bar(seen).disable
    assert progress_bar(seen, disable=True).disable and progress_bar(unseen).disable


def test_one_interrupt_is_noted_and_a_second_one_ends_it():
    before = signal.getsignal(signal.SIGINT)
    with stop_noted() as pressed:
        assert not pressed()
        signal.raise_signal(signal.SIGINT)
        assert pressed()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_outside_the_main_thread_interrupts_stay_as_they_are():
    def handlers() -> tuple[object, bool]:
        with stop_noted() as pressed:
            return signal.getsignal(signal.SIGINT), pressed()

    before = signal.getsignal(signal.SIGINT)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(handlers).result() == (before, False)
