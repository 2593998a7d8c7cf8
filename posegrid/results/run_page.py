"""The page of one run: learning curves, scores, sample pictures and videos."""

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from posegrid.datasets.dataset_facts import load_dataset_facts
from posegrid.datasets.stored_crops import Crops, read_crops
from posegrid.results import page
from posegrid.results.curves import Curve, draw_grid_curve, draw_joint_bars, draw_pose_curves
from posegrid.results.draw import save_png
from posegrid.results.models import load_model
from posegrid.results.predictions import predicted, sequence_order
from posegrid.results.run_parts import Parts
from posegrid.results.samples import (
    SampleClip,
    chosen_runs,
    clip_of,
    grid_samples,
    ranked_sheet,
    rows_in,
    write_clips,
)
from posegrid.results.tables import group_rows, score_rows, title_of


def write_run_page(parts: Parts, name: str, samples: int, video_s: float, console: Console) -> Path:
    """Write report.html with its pictures and videos; its path. samples: pictures of each kind."""
    html = [*curve_section(parts), *grid_section(parts), *score_section(parts)]
    if parts.data is not None and parts.predictions is not None:
        console.print("Drawing samples and videos", highlight=False)
        html += picture_section(parts, samples, video_s, console)
    html += closing_section(parts)
    path = parts.out / "report.html"
    title = f"posegrid: {name}"
    page.write_page(path, title, subtitle(parts), tiles(parts), html)
    return path


def curve_section(parts: Parts) -> list[str]:
    """Learning curves of both tasks."""
    html: list[str] = []
    if parts.pretrain is not None:
        path = parts.out / "curve_grid.png"
        draw_grid_curve(path, parts.pretrain)
        html += [
            page.heading("Pre-training: which cells of the grid does each joint overlap?"),
            page.picture_file(
                path,
                f"Cross-entropy, and how often a joint's best cell is right, on validation subjects. Best: "
                f"{100 * parts.pretrain.best:.1f} %; the whole run took {parts.pretrain.total_seconds[-1]:.0f} s.",
            ),
        ]
    poses = [curve for curve in (parts.scratch, parts.train) if curve is not None]
    if poses:
        path = parts.out / "curve_pose.png"
        baseline = parts.figures["mean_pose_mpjpe_mm"] if parts.figures else None
        draw_pose_curves(path, poses, baseline)
        html += [
            page.heading("Regression: joints in millimetres"),
            page.picture_file(path, pose_caption(parts, poses)),
        ]
    return html


def pose_caption(parts: Parts, curves: list[Curve]) -> str:
    """What the two panels show, with figures."""
    ends = "; ".join(
        f"{curve.name} {curve.best:.1f} mm after {curve.images[-1]:,.0f} images of its own, "
        f"{curve.total_images[-1]:,.0f} in all ({curve.total_seconds[-1]:.0f} s)"
        for curve in curves
    )
    split = (
        f" The dashed line is the error of the mean training pose on the {parts.figures['split']} crops."
        if parts.figures
        else ""
    )
    return (
        f"MPJPE over 17 joints on validation subjects: against the images of the regression alone, all images with "
        f"those of the pre-training counted, and the CPU time of both. Best: {ends}.{split}"
    )


def score_section(parts: Parts) -> list[str]:
    """The table of scores and the bars of the joints."""
    if parts.figures is None:
        return []
    figures = parts.figures
    path = parts.out / "joints.png"
    draw_joint_bars(path, figures)
    groups = [row for rows in group_rows(figures) for row in rows]
    return [
        page.heading("Scores"),
        page.paragraph(title_of(figures) + "."),
        *(page.warning(text) for text in figures["warnings"]),
        score_table(figures, parts.scratch_figures),
        page.picture_file(
            path, "Mean error of each joint in mm; the ticks are those of the mean training pose."
        ),
        page.table(("MPJPE in mm", "poses", "estimate", "mean pose"), groups),
    ]


def score_table(figures: dict[str, Any], scratch: dict[str, Any] | None) -> str:
    """The scores; those from scratch beside those of the pre-trained, where both are there."""
    rows = score_rows(figures)
    if scratch is None:
        return page.table(("", "estimate", "mean pose"), rows)
    beside = {name: said for name, said, _ in score_rows(scratch)}
    head = ("", "pre-trained", "from scratch", "mean pose")
    return page.table(head, [(name, said, beside.get(name, ""), mean) for name, said, mean in rows])


def grid_section(parts: Parts) -> list[str]:
    """The cells that the grid task's weights name on validation people, beside the true ones."""
    if parts.data is None or parts.grid_weights is None:
        return []
    picture = grid_samples(parts.data, parts.grid_weights, parts.own)
    if picture is None:
        return []
    path = parts.out / "grid_cells.png"
    save_png(path, picture)
    caption = (
        "Validation people: the cells that a joint overlaps and, below, as many as the network "
        "holds likeliest. The white dot is the joint."
    )
    return [page.heading("The grid's answers"), page.picture_file(path, caption)]


def picture_section(parts: Parts, samples: int, video_s: float, console: Console) -> list[str]:
    """Sample pictures and both videos; nothing where crops or predictions are missing."""
    if parts.predictions is None or parts.data is None:
        return []
    predictions = parts.predictions
    crops = read_crops(parts.data, sorted(set(predictions.subject.tolist())))
    rows = rows_in(crops, predictions)
    html = [*sample_section(parts, crops, rows, samples), page.heading("Walking")]
    split = str(predictions.facts.get("split", "test"))
    runs = chosen_runs(predictions, video_s)
    html += video(parts, split, [clip_of(predictions, run, crops.grey[rows[run]]) for run in runs])
    if split != "validation":
        html += video(parts, "validation", validation_clips(parts, video_s, console))
    return html


def sample_section(parts: Parts, crops: Crops, rows: np.ndarray, count: int) -> list[str]:
    """The sheet of best, median and worst poses."""
    if parts.predictions is None:
        return []
    path = parts.out / "samples.png"
    save_png(path, ranked_sheet(parts.predictions, crops.grey[rows], count))
    caption = (
        "Poses by rank of their error (MPJPE over 17 joints): the best, the median and the worst, "
        "each from another sequence. Squares on the ground are 250 mm wide; the grey shape is the "
        "pose's shadow from straight above."
    )
    return [page.heading("Samples"), page.sides_legend(), page.picture_file(path, caption)]


def validation_clips(parts: Parts, video_s: float, console: Console) -> list[SampleClip]:
    """Clips of validation subjects, predicted here: nobody saved them."""
    if parts.data is None or parts.weights is None:
        return []
    subjects = load_dataset_facts(parts.data).splits.get("validation", [])
    if not subjects:
        return []
    crops = read_crops(parts.data, subjects)
    crops = crops.subset(sequence_order(vars(crops)))
    runs = chosen_runs(crops, video_s)
    if not runs:
        return []
    model = load_model(parts.weights, "cpu", parts.own)
    pieces = [crops.subset(run) for run in runs]
    return [
        clip_of(predicted(model, part, {}, console), np.arange(len(part)), part.grey)
        for part in pieces
    ]


def video(parts: Parts, split: str, clips: list[SampleClip]) -> list[str]:
    """One video, or a word among the missing if no frames follow each other."""
    if not clips:
        parts.missing.append(f"the {split} video (no weights, or no frames that follow each other)")
        return []
    path = parts.out / f"walk_{split}.mp4"
    poster = write_clips(path, clips)
    mean = float(np.concatenate([clip.error_mm for clip in clips]).mean())
    frames = sum(len(clip.time_s) for clip in clips)
    people = (
        "recorded" if parts.figures and not parts.figures.get("synthetic", True) else "rendered"
    )
    return [
        page.video_file(
            path,
            poster,
            f"{split.capitalize()}: {len(clips)} walks of {people} people, "
            f"{frames} frames at true speed, mean error {mean:.0f} mm ({path.name}).",
        )
    ]


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
