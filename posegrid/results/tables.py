"""The figures of an evaluation as tables for the terminal."""

from pathlib import Path
from typing import Any

from rich.table import Table

MOST_ROWS = 16
ROWS = (
    ("MPJPE, 17 joints", "mpjpe_mm", "mm"),
    ("MPJPE, 16 joints without the root", "mpjpe_without_root_mm", "mm"),
    ("PA-MPJPE, after rotation, scale, shift", "pa_mpjpe_mm", "mm"),
    ("N-MPJPE, after scale", "n_mpjpe_mm", "mm"),
    ("median pose", "median_pose_mm", "mm"),
    ("worst 5 % of poses, from", "worst_5_percent_pose_mm", "mm"),
)
PCK_ROWS = (
    ("3DPCK, 17 joints within 150 mm", "pck_150mm", "%"),
    ("AUC, 0 to 150 mm", "auc_0_150mm", "%"),
)
PCK_ROWS_3DHP = (
    ("3DPCK, 14 joints below 150 mm, as MPI-INF-3DHP's papers", "pck_150mm", "%"),
    ("AUC, 0 to 150 mm, likewise", "auc_0_150mm", "%"),
)


def title_of(figures: dict[str, Any]) -> str:
    """What was scored, in one line: data, split, subjects, poses, joints."""
    made = "rendered people" if figures.get("synthetic") else "recorded people"
    subjects = figures.get("subjects") or []
    who = ", ".join(subjects) if len(subjects) <= 6 else f"{len(subjects)} subjects"
    return (
        f"{Path(figures['data']).name} ({made}), split {figures['split']}: {who}; "
        f"{figures['num_poses']:,} poses, {figures['num_joints']} joints"
    )


def score_rows(figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(metric, weights, mean pose) as text with units, for the terminal and the page."""
    papers = figures.get("mpi_inf_3dhp")
    rows = _rows(ROWS, figures) + (_rows(PCK_ROWS_3DHP, papers) if papers else _rows(PCK_ROWS, figures))
    if figures["size_floor_mpjpe_mm"] is not None:
        floor_mm = shown(figures["size_floor_mpjpe_mm"], "mm")
        rows.append(("MPJPE of the true poses at one size for everybody", floor_mm, ""))
    if figures["mpjve_mm"] is not None:
        spacing = 1000 * figures["mpjve_spacing_s"]
        name = f"MPJVE per 50 Hz frame, measured {spacing:.0f} ms apart"
        rows.append((name, f"{figures['mpjve_mm']:.2f} mm", f"{figures['mean_pose_mpjve_mm']:.2f} mm"))
    for axis, words in (("x", "right"), ("y", "down"), ("z", "forward")):
        value, baseline = figures["per_axis_mm"][axis], figures["mean_pose"]["per_axis_mm"][axis]
        rows.append((f"mean error along {axis} ({words})", shown(value, "mm"), shown(baseline, "mm")))
    for limbs in ("legs", "arms"):
        share = figures["left_right_swapped_share"][limbs]
        rows.append((f"{limbs} nearer with left and right swapped", shown(share, "%"), ""))
    if (within := figures.get("within_radius_share")) is not None:
        shares = " / ".join(shown(within[name], "%") for name in ("once", "twice"))
        rows.append(("joints within the radius said (68 %) / within twice of it", shares, ""))
    if (off_px := figures.get("keypoint_error_px")) is not None:
        rows.append(
            ("places in the crop off by, mean / median", f"{off_px['mean']:.1f} / {off_px['median']:.1f} px", "")
        )
    return rows


def _rows(names: tuple[tuple[str, str, str], ...], figures: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(name, shown(figures[key], unit), shown(figures["mean_pose"][key], unit)) for name, key, unit in names]


def pck_table(figures: dict[str, Any]) -> Table | None:
    """3DPCK and AUC by scene and activity, as MPI-INF-3DHP's papers have them; None for other data."""
    papers = figures.get("mpi_inf_3dhp")
    if papers is None:
        return None
    title = "14 joints, as MPI-INF-3DHP's papers"
    table = Table(title=title, title_justify="left", title_style="bold")
    for name in ("part", "poses", "3DPCK, 150 mm", "AUC, 0 to 150 mm"):
        table.add_column(name, justify="left" if name == "part" else "right")
    for group in ("per_scene", "per_activity"):
        table.add_section()
        for name, part in papers[group].items():
            shares = (shown(part[key], "%") for key in ("pck_150mm", "auc_0_150mm"))
            table.add_row(name, f"{part['num_poses']:,}", *shares)
    return table


def shown(value: float, unit: str) -> str:
    """A figure with its unit; shares (0..1) as percent."""
    return f"{100 * value:.1f} %" if unit == "%" else f"{value:.1f} {unit}"


def score_table(figures: dict[str, Any]) -> Table:
    """The main figures beside those of the mean training pose."""
    table = Table(title=title_of(figures), title_justify="left", title_style="bold")
    table.add_column("metric")
    table.add_column(Path(figures["weights"]).name, justify="right")
    table.add_column("mean pose", justify="right", style="dim")
    for row in score_rows(figures):
        table.add_row(*row)
    return table


def detail_table(figures: dict[str, Any]) -> Table:
    """MPJPE of every joint, action, subject and camera beside the mean pose's."""
    table = Table(title="MPJPE in parts, mm", title_justify="left", title_style="bold")
    for name in ("part", "poses", "MPJPE", "mean pose"):
        table.add_column(name, justify="left" if name == "part" else "right")
    for joint, value in figures["per_joint_mm"].items():
        baseline = figures["mean_pose"]["per_joint_mm"][joint]
        table.add_row(joint.replace("_", " "), f"{figures['num_poses']:,}", f"{value:.1f}", f"{baseline:.1f}")
    for rows in group_rows(figures):
        table.add_section()
        for row in rows:
            table.add_row(*row)
    return table


def group_rows(figures: dict[str, Any]) -> list[list[tuple[str, str, str, str]]]:
    """(part, poses, MPJPE, mean pose's MPJPE) as text for each action, subject and camera, in mm.

    Of more than 16 only the four with the lowest and the four with the highest error; all are in evaluation.json.
    """
    groups = []
    for group in ("per_action", "per_subject", "per_camera"):
        parts = sorted(figures[group].items(), key=lambda entry: entry[1]["mpjpe_mm"])
        shortened = [*parts[:4], *parts[-4:]] if len(parts) > MOST_ROWS else sorted(parts)
        groups.append(
            [
                (
                    f"{group[4:]} {label}",
                    f"{p['num_poses']:,}",
                    f"{p['mpjpe_mm']:.1f}",
                    f"{p['mean_pose_mpjpe_mm']:.1f}",
                )
                for label, p in shortened
            ]
        )
    return groups
