"""Pieces of work done side by side, by processes of this machine or of a Ray cluster, and how far
they are.

A piece writes a file of its own and leaves it alone if it is there. So whatever is lost on the way,
a worker or a whole machine, costs no more than doing the unfinished pieces again, and the result is
the same whoever did them. The folder that the files go to must be the same folder on every machine
of a cluster.
"""

import logging
import os
import platform
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

import joblib
from joblib.externals.loky import get_reusable_executor
from rich.console import Console

from posegrid.errors import PosegridError, SettingsError
from posegrid.progress import progress_bar

PIECES_PER_WORKER = 4
"""Of one round on a cluster; after each round the progress is shown."""
MOST_LOSSES = 5
"""How often workers may be lost, with nothing finished between, before the work is given up."""


@dataclass(frozen=True)
class Finished:
    """What a worker reports of a piece of work it has done."""

    name: str
    amount: int
    """How much of the whole it was, e.g. how many pictures."""
    remark: str = ""
    """What is shown beside its name."""
    trouble: str = ""
    """Why it could not be done, if so."""


Result = TypeVar("Result")


def done(
    pieces: Sequence[Callable[[], Result]], workers: int, cluster: str | None, console: Console
) -> Iterator[Result]:
    """What each piece returns as it is finished, by processes of this machine or of the cluster
    named.
    """
    return (
        done_here(pieces, workers, console)
        if cluster is None
        else done_on_cluster(pieces, cluster, workers, console)
    )


def done_here(
    pieces: Sequence[Callable[[], Result]], workers: int, console: Console
) -> Iterator[Result]:
    """What each piece returns as it is finished, in any order, by so many processes of this
    machine; one is this process itself.

    What was in hand when a process was killed is done again. Raises SettingsError where processes
    are killed again and again.
    """
    if workers == 1 or len(pieces) == 1:
        yield from (piece() for piece in pieces)
        return
    try:
        yield from _by_processes(pieces, workers, console)
    finally:
        # One that is killed while it waits for work takes the lock of the queue along, and the others
        # would wait for it at the exit, and for ever. They have nothing in hand now.
        pool = get_reusable_executor(reuse=True)  # pyright: ignore[reportArgumentType]
        pool.shutdown(wait=True, kill_workers=True)


def _by_processes(
    pieces: Sequence[Callable[[], Result]], workers: int, console: Console
) -> Iterator[Result]:
    here, left, losses = Path.cwd(), dict(enumerate(pieces)), 0
    while left:
        # Never two pieces in one batch: what is finished must come back before the next is begun.
        # At least two processes: joblib makes none for one, and a kill would end this one.
        num = max(2, min(workers, len(left)))
        pool = joblib.Parallel(
            num,
            return_as="generator_unordered",
            batch_size=1,  # pyright: ignore[reportArgumentType]
        )
        calls = [joblib.delayed(_numbered)(number, here, left[number]) for number in left]
        try:
            for number, outcome in cast(Iterable[tuple[int, Result]], pool(calls)):
                del left[number]
                losses = 0
                yield outcome
        except BrokenProcessPool as error:
            losses += 1
            if losses == MOST_LOSSES:
                raise SettingsError(
                    f"Processes were killed {losses} times in a row; where memory is short, call "
                    "again with fewer `workers`."
                ) from error
            console.print(_LOST)


_LOST = "a worker was lost; what was in hand is done again"


def _numbered(number: int, folder: Path, piece: Callable[[], Result]) -> tuple[int, Result]:
    return number, called_in(folder, piece)


def called_in(folder: Path, piece: Callable[[], Result]) -> Result:
    """What a piece returns in this folder: a process that is used again, or of another machine,
    may stand in another, and relative paths would then lead elsewhere.

    Raises SettingsError where the machine has no such folder.
    """
    try:
        os.chdir(folder)
    except OSError as error:
        raise SettingsError(
            f"{folder}: {platform.node()} cannot work there ({error.strerror}); call from a folder "
            "that all machines share."
        ) from error
    return piece()


def done_on_cluster(
    pieces: Sequence[Callable[[], Result]], address: str, workers: int, console: Console
) -> Iterator[Result]:
    """What each piece returns, by the CPUs of the Ray cluster at an address ("local": started
    here, `workers` CPUs).

    What a lost worker had in hand is done again. Raises SettingsError where there is no such
    cluster, and what Ray raises where workers are lost again and again.
    """
    with _cluster(address, workers) as num_cpus:
        size = PIECES_PER_WORKER * num_cpus
        for start in range(0, len(pieces), size):
            yield from _round(pieces[start : start + size], num_cpus, console)


def _round(pieces: Sequence[Callable[[], Result]], num_cpus: int, console: Console) -> list[Result]:
    """A few pieces; after a loss all are asked for again, of which the finished are quick."""
    from ray.exceptions import RayError, RayTaskError  # pyright: ignore[reportMissingImports]

    here = Path.cwd()
    for losses in range(MOST_LOSSES + 1):
        try:
            with joblib.parallel_config(backend="ray"):
                pool = joblib.Parallel(n_jobs=num_cpus)
                calls = [joblib.delayed(called_in)(here, piece) for piece in pieces]
                return cast(list[Result], pool(calls))
        except RayError as error:
            if isinstance(error, RayTaskError) or losses == MOST_LOSSES:
                raise
            console.print(_LOST)
    raise AssertionError("a round ends with its outcomes or with an error")


@contextmanager
def _cluster(address: str, workers: int) -> Iterator[int]:
    """The number of CPUs of the cluster, for as long as the block is connected to it."""
    # says nothing to its makers about the use that is made of it
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray  # pyright: ignore[reportMissingImports]
    from ray.util.joblib import register_ray  # pyright: ignore[reportMissingImports]

    register_ray()
    # its pool warns that it does not take an argument that joblib always gives
    logging.getLogger("ray.util.multiprocessing.pool").setLevel(logging.ERROR)
    wanted = {"num_cpus": workers, "include_dashboard": False} if address == "local" else {}
    try:
        with warnings.catch_warnings():  # Ray warns of what its errors say, too
            warnings.simplefilter("ignore")
            ray.init(address=address, log_to_driver=False, configure_logging=False, **wanted)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise SettingsError(
            f"--cluster {address}: no Ray cluster there ({error}). Name one that runs "
            "(ray://HOST:10001, HOST:6379 from one of its own machines), or local to start one."
        ) from error
    try:
        yield max(1, int(ray.cluster_resources().get("CPU", 1)))
    finally:
        ray.shutdown()


def follow(pieces: Iterable[Finished], total: int, what: str, console: Console) -> list[Finished]:
    """All pieces of work, each shown as it is finished: as a bar on a terminal, else as a line.

    Trouble is printed in either case. `what` and `total` say what amounts are of.
    """
    start, count, finished = time.perf_counter(), 0, []
    with progress_bar(console, "{task.fields[speed]}") as progress:
        task = progress.add_task("", total=total, speed="")
        for piece in pieces:
            count += piece.amount
            seconds = time.perf_counter() - start
            speed = f"{count / seconds:.{0 if count > 10 * seconds else 1}f} {what}/s"
            progress.update(task, advance=piece.amount, description=piece.name, speed=speed)
            line = ""
            if piece.trouble:
                line = f"skipped {piece.name}: {piece.trouble}"
            elif not console.is_terminal:
                left = f"{max(0, total - count) * seconds / max(count, 1):.0f} s left"
                done = f"{piece.name} {piece.remark}".strip()
                line = f"{count}/{total} {what}, {speed}, {left}: {done}"
            if line:
                progress.console.print(line, markup=False, soft_wrap=True)
            finished.append(piece)
    return finished


def report_done_before(num_done: int, total: int, what: str, console: Console) -> None:
    """Says how much of the work an earlier call has done, if any."""
    if num_done:
        console.print(f"{num_done} of {total} {what} are done already")


@contextmanager
def named(what: str) -> Iterator[None]:
    """Says of whatever fails in the block what it was about: errors come from other processes."""
    try:
        yield
    except PosegridError as error:
        raise type(error)(f"{what}: {error}") from error
    except Exception as error:
        error.add_note(f"This happened in {what}.")
        raise
