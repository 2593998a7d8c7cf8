"""`posegrid report`: learning curves, scores, sample pictures and videos of a run, on one page; or
two runs side by side. results/run_parts.py says what a run's folder holds.
"""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from tyro.conf import Positional

from posegrid.errors import SettingsError
from posegrid.results.compare import compare
from posegrid.results.run_page import write_run_page
from posegrid.results.run_parts import gather


@dataclass(frozen=True)
class ReportSettings:
    """Which run to report on, and where its parts lie."""

    run: Positional[Path]
    """Folder with pretrain/, train/, scratch/ and evaluation/."""
    other: Positional[Path | None] = None
    """Such a folder of another run, to be shown beside it."""
    pretrain: Path | None = None
    """Folder of the grid task's training; by default RUN/pretrain."""
    train: Path | None = None
    """Folder of the training that starts from it; by default RUN/train."""
    scratch: Path | None = None
    """Folder of the training from scratch; by default RUN/scratch."""
    evaluation: Path | None = None
    """Folder that `posegrid evaluate` wrote; by default RUN/evaluation."""
    scratch_evaluation: Path | None = None
    """Folder that it wrote of the weights from scratch; by default RUN/evaluation-scratch."""
    data: Path | None = None
    """Folder of prepared crops; by default the one that was evaluated on."""
    out: Path | None = None
    """Folder for report.html, its pictures and videos; by default RUN, of two runs RUN-and-OTHER."""
    samples: int = 2
    """Sample pictures of each kind: best, median, worst; of two runs 12 times as many in all."""
    video_s: float = 12.0
    """Length of each video in seconds."""
    own: tuple[str, ...] = ()
    """Code of your own that the weights need, as `train` had it: module:function, module:Class."""


def report(settings: ReportSettings) -> Path:
    """Write report.html with its pictures and videos; returns its path.

    Raises SourceError if the folder holds nothing to report on, or a part of it is damaged.
    """
    console = Console(markup=False)
    if settings.other is not None:
        return _side_by_side(settings, settings.other, console)
    folders = {
        name: getattr(settings, name) for name in ("pretrain", "train", "scratch", "evaluation")
    }
    folders["evaluation-scratch"] = settings.scratch_evaluation
    parts = gather(settings.run, folders, settings.data, settings.out, settings.own)
    path = write_run_page(
        parts, settings.run.resolve().name, settings.samples, settings.video_s, console
    )
    for words in parts.missing:
        console.print(f"Left out: {words}", highlight=False, soft_wrap=True)
    console.print(str(path), highlight=False, soft_wrap=True)
    return path


def _side_by_side(settings: ReportSettings, other: Path, console: Console) -> Path:
    """The page of two runs."""
    of_one = ("pretrain", "train", "scratch", "evaluation", "scratch_evaluation")
    given = [name for name in of_one if getattr(settings, name) is not None]
    if given:
        raise SettingsError(f"`{given[0]}`: is of one run; of two, the parts lie in their folders.")
    names = (settings.run.resolve().name, other.resolve().name)
    out = settings.out or settings.run.resolve().with_name("-and-".join(names))
    first, second = (gather(run, {}, settings.data, out) for run in (settings.run, other))
    path, missing = compare((first, second), names, out, 12 * settings.samples)
    for words in (*missing, path):
        console.print(str(words), highlight=False, soft_wrap=True)
    return path
