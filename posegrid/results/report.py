"""`posegrid report`: learning curves, scores, sample pictures and videos of a run, on one page.

A run's folder looks like this; what is missing is left out of the page, and the page says so:

    RUN/pretrain/metrics.csv                         the grid task
    RUN/train/metrics.csv, best.safetensors          the regression that starts from it
    RUN/scratch/metrics.csv                          the regression that starts from nothing
    RUN/evaluation/evaluation.json, predictions.npz  what `posegrid evaluate` wrote
"""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from tyro.conf import Positional

from posegrid.errors import OutputError
from posegrid.files import completed
from posegrid.results import report_page as page
from posegrid.results.report_sections import curve_section, picture_section, score_section
from posegrid.results.run_parts import Parts, gather
from posegrid.results.tables import title_of


@dataclass(frozen=True)
class ReportSettings:
    """Which run to report on, and where its parts lie."""

    run: Positional[Path]
    """Folder with pretrain/, train/, scratch/ and evaluation/."""
    pretrain: Path | None = None
    """Folder of the grid task's training; by default RUN/pretrain."""
    train: Path | None = None
    """Folder of the training that starts from it; by default RUN/train."""
    scratch: Path | None = None
    """Folder of the training from scratch; by default RUN/scratch."""
    evaluation: Path | None = None
    """Folder that `posegrid evaluate` wrote; by default RUN/evaluation."""
    data: Path | None = None
    """Folder of prepared crops; by default the one that was evaluated on."""
    out: Path | None = None
    """Folder for report.html, its pictures and videos; by default RUN."""
    samples: int = 2
    """Sample pictures of each kind: best, median, worst."""
    video_s: float = 12.0
    """Length of each video in seconds."""


def report(settings: ReportSettings) -> Path:
    """Write report.html with its pictures and videos; returns its path.

    Raises SourceError if the folder holds nothing to report on, or a part of it is damaged.
    """
    console = Console()
    folders = {
        name: getattr(settings, name) for name in ("pretrain", "train", "scratch", "evaluation")
    }
    parts = gather(settings.run, folders, settings.data, settings.out)
    html = [*curve_section(parts), *score_section(parts)]
    if parts.data is not None and parts.predictions is not None:
        console.print("Drawing samples and videos", highlight=False)
        html += picture_section(parts, settings.samples, settings.video_s, console)
    html += closing_section(parts)
    path = parts.out / "report.html"
    write_text(
        path,
        page.page(f"posegrid: {settings.run.resolve().name}", subtitle(parts), tiles(parts), html),
    )
    for words in parts.missing:
        console.print(f"Left out: {words}", highlight=False, soft_wrap=True)
    console.print(str(path), highlight=False, soft_wrap=True)
    return path


def subtitle(parts: Parts) -> str:
    """What was scored, or that nothing was."""
    if parts.figures is None:
        return "Learning curves only: nothing was evaluated yet."
    return f"{parts.figures.get('network')}, {parts.figures.get('target')} target. {title_of(parts.figures)}."


def tiles(parts: Parts) -> list[page.Tile]:
    """The figures that one wants first."""
    if parts.figures is None:
        return []
    figures = parts.figures
    ratio = figures["mpjpe_mm"] / max(figures["mean_pose_mpjpe_mm"], 1e-9)
    return [
        page.Tile(f"{figures['mpjpe_mm']:.1f} mm", f"MPJPE, {figures['split']}"),
        page.Tile(f"{figures['mean_pose_mpjpe_mm']:.1f} mm", "mean training pose"),
        page.Tile(f"{ratio:.2f}", "of the mean pose's error"),
        page.Tile(f"{figures['pa_mpjpe_mm']:.1f} mm", "PA-MPJPE"),
        page.Tile(f"{figures['num_poses']:,}", f"poses of {len(figures['subjects'])} people"),
    ]


def closing_section(parts: Parts) -> list[str]:
    """Where it all comes from, and what is not here."""
    html: list[str] = []
    if parts.figures is not None:
        figures = parts.figures
        html += [
            page.heading("Made from"),
            page.table(
                ("", ""),
                [
                    ("weights", str(figures["weights"])),
                    (
                        "data",
                        f"{figures['data']} ({'rendered' if figures.get('synthetic') else 'recorded'})",
                    ),
                    ("subjects", ", ".join(figures["subjects"])),
                    ("posegrid", str(figures["posegrid_version"])),
                ],
            ),
        ]
    return html + [page.paragraph(f"Left out: {words}.") for words in parts.missing]


def write_text(path: Path, text: str) -> None:
    """Write the page; it appears under its name only when complete. Raises OutputError."""
    try:
        with completed(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}); choose another --out."
        ) from error
