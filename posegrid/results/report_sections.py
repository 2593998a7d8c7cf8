"""The sections of a report, each a list of HTML pieces; the pictures and videos are written on the
way.
"""

import numpy as np
from rich.console import Console

from posegrid.body.formats.viewer import levelling_rotation
from posegrid.datasets.dataset_facts import load_dataset_facts
from posegrid.datasets.shards import Crops, read_crops
from posegrid.errors import SourceError
from posegrid.results import report_page as page
from posegrid.results.curves import Curve, draw_grid_curve, draw_joint_bars, draw_pose_curves
from posegrid.results.evaluate import load_model, predicted, sequence_order
from posegrid.results.predictions import Predictions, sequence_names
from posegrid.results.run_parts import Parts
from posegrid.results.sample_pictures import rows_by_rank, sample_row, sample_sheet, save_png
from posegrid.results.tables import group_rows, score_rows, title_of
from posegrid.results.walk_videos import Clip, following_runs, varied_runs, write_clips


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
        page.table(("", "estimate", "mean pose"), score_rows(figures)),
        page.picture_file(
            path, "Mean error of each joint in mm; the ticks are those of the mean training pose."
        ),
        page.table(("MPJPE in mm", "poses", "estimate", "mean pose"), groups),
    ]


def picture_section(parts: Parts, samples: int, video_s: float, console: Console) -> list[str]:
    """Sample pictures and both videos; nothing where crops or predictions are missing."""
    if parts.predictions is None or parts.data is None:
        return []
    predictions = parts.predictions
    crops = read_crops(parts.data, sorted(set(predictions.subject.tolist())))
    rows = rows_in(crops, predictions)
    html = [*sample_section(parts, predictions, crops, rows, samples), page.heading("Walking")]
    split = str(predictions.facts.get("split", "test"))
    runs = chosen_runs(predictions, video_s)
    html += video(
        parts, split, [clip_of(predictions, run, crops.images[rows[run]]) for run in runs]
    )
    if split != "validation":
        html += video(parts, "validation", validation_clips(parts, video_s, console))
    return html


def chosen_runs(of: Predictions | Crops, video_s: float) -> list[np.ndarray]:
    """Rows of the runs to show, of poses or crops sorted by sequence and frame."""
    sequence = sequence_names(of.subject, of.action, of.subaction, of.camera_id)
    runs = following_runs(sequence, of.time_s)
    return varied_runs(runs, of.subject, of.camera_id, of.time_s, seconds=video_s)


def rows_in(crops: Crops, predictions: Predictions) -> np.ndarray:
    """For each prediction the row of its crop. Raises SourceError if a crop is not there."""
    keys = zip(
        crops.subject,
        crops.action,
        crops.subaction,
        crops.camera_id,
        crops.frame_index,
        strict=True,
    )
    row_of = {key: row for row, key in enumerate(keys)}
    p = predictions
    wanted = zip(p.subject, p.action, p.subaction, p.camera_id, p.frame_index, strict=True)
    try:
        return np.array([row_of[key] for key in wanted])
    except KeyError as error:
        raise SourceError(
            f"The data lack the crop {error.args[0]} that was evaluated; give the same --data."
        ) from None


def sample_section(
    parts: Parts, predictions: Predictions, crops: Crops, rows: np.ndarray, count: int
) -> list[str]:
    """The sheet of best, median and worst poses."""
    p = predictions
    errors = np.linalg.norm(p.pose_pred_cam_mm - p.pose_true_cam_mm, axis=-1).mean(axis=1)
    order = np.argsort(np.argsort(errors, kind="stable"), kind="stable")
    pictures = []
    for kind, chosen in rows_by_rank(errors, p.sequence, count).items():
        for row in chosen:
            level = levelling_rotation(p.pose_true_cam_mm[p.sequence == p.sequence[row]])
            picture = sample_row(
                crops.images[rows[row]],
                p.pose_pred_cam_mm[row] @ level.T,
                p.pose_true_cam_mm[row] @ level.T,
            )
            text = (
                f"{kind}: {errors[row]:.1f} mm, rank {order[row] + 1:,} of {len(errors):,}   "
                f"{p.sequence[row]}, frame {p.frame_index[row]}"
            )
            pictures.append((text, picture))
    path = parts.out / "samples.png"
    save_png(path, sample_sheet(pictures))
    caption = (
        "Poses by rank of their error (MPJPE over 17 joints): the best, the median and the worst, each from another "
        "sequence. Squares on the ground are 250 mm wide; the grey shape is the pose's shadow from straight above."
    )
    return [page.heading("Samples"), page.sides_legend(), page.picture_file(path, caption)]


def clip_of(predictions: Predictions, run: np.ndarray, images: np.ndarray) -> Clip:
    """Following rows of the predictions as a clip."""
    p = predictions
    return Clip(
        str(p.sequence[run[0]]),
        images,
        p.pose_pred_cam_mm[run],
        p.pose_true_cam_mm[run],
        p.time_s[run],
    )


def validation_clips(parts: Parts, video_s: float, console: Console) -> list[Clip]:
    """Clips of validation subjects, predicted here: nobody saved them."""
    if parts.data is None or parts.weights is None:
        return []
    subjects = load_dataset_facts(parts.data).splits.get("validation", [])
    if not subjects:
        return []
    crops = read_crops(parts.data, subjects)
    crops = crops.subset(sequence_order(crops))
    runs = chosen_runs(crops, video_s)
    if not runs:
        return []
    model = load_model(parts.weights)
    pieces = [crops.subset(run) for run in runs]
    return [
        clip_of(predicted(model, part, {}, console), np.arange(len(part)), part.images)
        for part in pieces
    ]


def video(parts: Parts, split: str, clips: list[Clip]) -> list[str]:
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
