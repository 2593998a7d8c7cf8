"""`posegrid doctor`: what is there of a data set, what is wrong with it, and what to do next.

Each source says which of its files there are, and which are damaged. The rest is one way for all:
every sequence is opened as `prepare` opens it, and some of its frames are looked at.
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from re import sub
from typing import Annotated

import numpy as np
from jaxtyping import Float
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table
from tyro.conf import Positional, arg

from posegrid.datasets.recordings import source_of
from posegrid.datasets.sequence import Frame, Sequence
from posegrid.datasets.source import Finding, Inventory, Source, View
from posegrid.errors import SourceError
from posegrid.files import write_text
from posegrid.progress import progress_bar

BYTES_PER_CROP = 3800
"""Measured on rendered people, 128 x 128 px, JPEG of quality 90, with all numbers: 2.3 kB without
the background, 3.4 kB with it, 3.7 kB with the mask beside it."""
NUM_SAMPLES = 5
"""Frames that are looked at, spread over the sequence, unless all of them are asked for."""
IN_PICTURE = 0.5
"""Share of the joints that lie in the picture, at least, where camera and poses fit."""
WELL_HELD = 0.8
"""Share of the joints that a mask of average quality holds."""
SAME_COUNT_PX = 0.25
"""So far apart keypoints and projected joints may be if they count pixels alike."""
SHOWN_OF_A_KIND = 3
"""So many findings of one kind are printed; all are in the JSON."""


@dataclass(frozen=True)
class DoctorSettings:
    """Which part of a data set to look at, and how closely."""

    root: Positional[Annotated[Path, arg(metavar="ROOT")]]
    """Folder with metadata.xml and S1, S5, ...; or of one's own recordings; or of MPI-INF-3DHP."""
    subjects: tuple[str, ...] = ()
    """Subjects to look at, e.g. S1 S9; all that are there if none are named."""
    actions: tuple[str, ...] = ()
    """Actions to look at, e.g. Walking; all that are there if none are named."""
    deep: bool = False
    """Decode every video and read every mask to the end (hours for the whole release), instead of a
    few of each."""
    json: Path | None = None
    """Write everything that was found to this file, too."""


@dataclass(frozen=True, eq=False)
class ViewCheck:
    """What was found of one sequence and camera."""

    action: str
    findings: tuple[Finding, ...]
    num_poses: int
    """Frames that `prepare` will find here; 0 if it cannot use the sequence."""
    offset_px: Float[np.ndarray, "2"] | None
    """Median of keypoints minus projected joints, pixels; None if there are none to compare."""
    share_held: float | None
    """Share of the joints that lie in the masks looked at."""


@dataclass(frozen=True)
class Diagnosis:
    """All findings, and the sums."""

    findings: tuple[Finding, ...]
    num_faults: int
    frames: dict[str, int]
    """Frames that `prepare` can use, by action."""
    usable_views: int
    """Sequences and cameras that `prepare` can use."""
    bytes_needed: int
    """Disk that `prepare` takes for all of them."""
    bytes_free: int
    offset_px: tuple[float, float] | None
    """Median of keypoints minus projected joints over all sequences; None if there are none."""
    share_held: float | None
    """Share of the joints that lie in the masks looked at."""


def doctor(settings: DoctorSettings) -> None:
    """Prints what is there and what is wrong.

    Raises SourceError, when all was looked at, if anything is at fault.
    """
    console, source = Console(markup=False), source_of(settings.root)
    stock = source.inventory(settings.subjects or None, settings.actions or None)
    faulty = {finding.where for finding in stock.findings if finding.level == "fault"}
    with progress_bar(console, transient=True) as bar:
        checks = [
            check_view(source, view, deep=settings.deep, incomplete=view.name in faulty)
            for view in bar.track(stock.views, description="looking")
        ]
    diagnosis = diagnosed(source, stock, checks)
    summary, steps = [*summed_up(source, stock, diagnosis)], next_steps(source, diagnosis)
    if stock.rows:
        console.print(inventory_table(source, stock))
    if diagnosis.findings:
        console.print(findings_table(diagnosis))
    for line in summary:
        console.print(line, markup=False, soft_wrap=True)
    for number, step in enumerate(steps, start=1):
        start = "next: " if number == 1 else "      "
        console.print(f"{start}{number}. {step}", markup=False, soft_wrap=True)
    if settings.json is not None:
        content = {
            "root": str(source.root),
            "synthetic": source.synthetic,
            "files": [asdict(row) for row in stock.rows],
            "absent_subjects": stock.absent_subjects,
            "archives": [str(archive) for archive in stock.archives],
            **asdict(diagnosis),
            "summary": summary,
            "next": steps,
        }
        write_text(settings.json, json.dumps(content, indent=2) + "\n", "choose another --json")
    if diagnosis.num_faults:
        raise SourceError(
            f"{source.root}: {diagnosis.num_faults} faults, listed above. Where files are damaged "
            "or missing, `posegrid prepare` leaves the sequence out, says so, and does it when it "
            "is mended and called again."
        )
    if not diagnosis.usable_views:
        raise SourceError(
            f"{source.root}: nothing that `posegrid prepare` could use; what to do is said above."
        )


# --- one sequence


def check_view(
    source: Source, view: View, *, deep: bool = False, incomplete: bool = False
) -> ViewCheck:
    """What is wrong with one sequence and camera; `deep` decodes every frame and mask.

    One that lacks files is not opened. Where everybody's copy may be damaged, that is no fault.
    """
    files = source.check_files(view)
    findings, num_poses, share_held = [*files.findings], 0, None
    if not incomplete and not any(finding.level == "fault" for finding in findings):
        try:
            sequence = source.open(view)
            share_held = _mean_share_held(sequence, deep)
        except SourceError as error:
            findings.append(Finding("fault", "cannot be used", view.name, str(error)))
        else:
            findings += _sequence_findings(sequence, share_held)
            num_poses = int(np.isfinite(sequence.pose_cam_mm).all(axis=(1, 2)).sum())
    excuses = [fault.text for fault in source.faults(view) if fault.unreadable]
    if excuses:
        findings = [
            Finding("notice", f.what, f.where, f"{f.text} ({'; '.join(excuses)})") for f in findings
        ]
    if any(finding.level == "fault" for finding in findings):
        num_poses = 0
    return ViewCheck(view.action, tuple(findings), num_poses, files.offset_px, share_held)


def _sequence_findings(sequence: Sequence, share_held: float | None) -> Iterator[Finding]:
    """What an opened sequence says of itself, and where its parts do not fit together."""
    for note in sequence.notes:
        # notes that differ in their numbers only are of one kind
        yield Finding("notice", sub(r"\d+", "N", note), sequence.name, note)
    inside = _share_in_picture(sequence)
    if inside < IN_PICTURE:
        text = (
            f"{inside:.0%} of the joints lie in the picture: do camera and poses belong together? "
            "Expected mm, x right, y down, z forward"
        )
        yield Finding("fault", "joints beside the picture", sequence.name, text)
    if share_held is not None and share_held < WELL_HELD:
        text = (
            f"masks hold {share_held:.0%} of the joints: frames whose mask misses the person will "
            "be left out. Do camera, poses and masks belong together?"
        )
        yield Finding("notice", "poor masks", sequence.name, text)


def _share_in_picture(sequence: Sequence) -> float:
    points, size = sequence.keypoints_px, np.array(sequence.camera.size_wh)
    points = points[np.isfinite(points).all(axis=(1, 2))]
    return float(((points >= 0) & (points < size)).all(axis=-1).mean())


def _mean_share_held(sequence: Sequence, deep: bool) -> float | None:
    """Share of the joints in the masks of the frames looked at; None without masks."""
    every = 1 if deep else max(sequence.num_frames // NUM_SAMPLES, 1)
    frames = islice(sequence.open_frames(every), None if deep else NUM_SAMPLES)
    held = [share for frame in frames if (share := _share_held(sequence, frame)) is not None]
    return float(np.mean(held)) if held else None


def _share_held(sequence: Sequence, frame: Frame) -> float | None:
    """Share of the joints in the mask; None without one, or where it is empty."""
    mask = frame.mask
    if mask is None or not mask.any():
        return None
    x, y = np.floor(sequence.keypoints_px[frame.index].T).astype(int)
    inside = (x >= 0) & (y >= 0) & (x < mask.shape[1]) & (y < mask.shape[0])
    return float((mask[np.where(inside, y, 0), np.where(inside, x, 0)] & inside).mean())


# --- what it comes to


def diagnosed(source: Source, stock: Inventory, checks: list[ViewCheck]) -> Diagnosis:
    """What the stock and the checks of its sequences come to."""
    findings = (*stock.findings, *(finding for check in checks for finding in check.findings))
    frames: Counter[str] = Counter()
    for check in checks:
        frames[check.action] += check.num_poses
    offsets = [check.offset_px for check in checks if check.offset_px is not None]
    offset = np.median(offsets, axis=0) if offsets else None
    held = [check.share_held for check in checks if check.share_held is not None]
    return Diagnosis(
        findings=findings,
        num_faults=sum(finding.level == "fault" for finding in findings),
        frames={action: count for action, count in frames.items() if count},
        usable_views=sum(check.num_poses > 0 for check in checks),
        bytes_needed=sum(frames.values()) * BYTES_PER_CROP,
        bytes_free=shutil.disk_usage(source.root).free,
        offset_px=None if offset is None else (float(offset[0]), float(offset[1])),
        share_held=float(np.mean(held)) if held else None,
    )


def summed_up(source: Source, stock: Inventory, diagnosis: Diagnosis) -> Iterator[str]:
    """The sums in words."""
    if source.synthetic:
        yield (
            "This tree says of itself that it was made by a computer: "
            f"figures on it are not {source.kind}'s."
        )
    total, walking = sum(diagnosis.frames.values()), diagnosis.frames.get("Walking", 0)
    of_them = f", {walking:,} of them Walking" if walking else ""
    yield (
        f"{diagnosis.usable_views} of {len(stock.views)} sequences x cameras can be prepared: "
        f"{total:,} frames{of_them}"
    )
    of_walking = f", {_gigabytes(walking * BYTES_PER_CROP)} for Walking" if walking else ""
    yield (
        f"disk for `prepare`: about {_gigabytes(diagnosis.bytes_needed)} for all{of_walking} "
        f"(crops of 128 x 128 px); {_gigabytes(diagnosis.bytes_free)} are free where the tree lies"
    )
    if diagnosis.offset_px is not None:
        x, y = diagnosis.offset_px
        alike = max(abs(x), abs(y)) < SAME_COUNT_PX
        yield (
            f"keypoints minus projected joints: {x:+.2f} px to the right, {y:+.2f} px down "
            "(median): keypoints and principal points "
            f"{'count pixels alike' if alike else 'DO NOT count pixels alike'}"
        )
    if diagnosis.share_held is not None:
        yield f"masks hold {diagnosis.share_held:.0%} of the joints, in the frames looked at"
    if stock.absent_subjects:
        yield f"nothing here of {', '.join(stock.absent_subjects)}"


STEPS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("log-in page saved as an archive", "damaged archive"),
        "Log in to the release's site again and download the archives that are none.",
    ),
    (
        ("archive not unpacked",),
        "Unpack the archives into the root, since each holds its subject's folder: "
        "tar -xf ARCHIVE -C {root}",
    ),
    (
        ("misplaced folder",),
        "Move each subject's folder into the root, its name as the release has it: {root}/S1",
    ),
    (
        ("unpacked too deep",),
        "Move what was unpacked one folder too deep one up: mv {root}/S1/S1/* {root}/S1/",
    ),
    (
        ("damaged video", "damaged pose file", "damaged mask file", "damaged box file")
        + ("no videos", "no mono poses", "no masks"),
        "Download and unpack again what is damaged or missing; "
        "or go on without it: prepare names it.",
    ),
    (
        ("poses and cameras do not fit", "keypoints and projected joints differ"),
        "Copy metadata.xml out of the code archive of the same release; "
        "figures would be wrong without.",
    ),
    (
        ("no split", "cannot be used", "joints beside the picture"),
        "Mend what is said above: docs/own-data.md and docs/human36m.md describe every file.",
    ),
)
"""What to do, in this order, if there are findings of these kinds."""


def next_steps(source: Source, diagnosis: Diagnosis) -> list[str]:
    """What to do, in this order."""
    whats = {finding.what for finding in diagnosis.findings}
    steps = [step.format(root=source.root) for kinds, step in STEPS if whats & set(kinds)]
    if diagnosis.bytes_needed > diagnosis.bytes_free:
        needed = _gigabytes(diagnosis.bytes_needed)
        steps.append(f"Make room, or prepare to another disk: {needed} are needed.")
    if diagnosis.usable_views:
        flags = "" if diagnosis.share_held is not None else " --background kept"
        steps.append(f"posegrid prepare {source.root} data/mine{flags}")
    return steps or [
        "Download the release's archives into this folder and unpack them (docs/human36m.md)."
    ]


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


def inventory_table(source: Source, stock: Inventory) -> Table:
    """Files found of files expected, by subject, action and kind; complete actions as a sum."""
    table = Table(
        title=f"{source.root}: files found / expected",
        title_justify="left",
        title_style="bold",
        box=SIMPLE,
    )
    for name in ("subject", "action", *stock.kind_names.values()):
        table.add_column(name)
    for subject in dict.fromkeys(row.subject for row in stock.rows):
        rows = [row for row in stock.rows if row.subject == subject]
        whole = [row for row in rows if row.found == row.expected]
        shown = [(row.action, [row]) for row in rows if row.found != row.expected]
        if whole:
            names = whole[0].action if len(whole) == 1 else f"{len(whole)} actions"
            shown.insert(0, (names, whole))
        for name, part in shown:
            found = [sum(row.found[kind] for row in part) for kind in stock.kind_names]
            expected = [sum(row.expected[kind] for row in part) for kind in stock.kind_names]
            counts = [f"{f}/{e}" if f else "-" for f, e in zip(found, expected, strict=True)]
            table.add_row(subject, name, *counts)
    return table


def findings_table(diagnosis: Diagnosis) -> Table:
    """What was found, faults first, the first few of each kind."""
    table = Table(title="found", title_justify="left", title_style="bold", box=SIMPLE)
    for name in ("", "what", "number", "where"):
        table.add_column(name, overflow="fold")
    ordered = sorted(diagnosis.findings, key=lambda finding: finding.level != "fault")
    for level, what in dict.fromkeys((finding.level, finding.what) for finding in ordered):
        these = [finding for finding in ordered if (finding.level, finding.what) == (level, what)]
        texts = [
            finding.text if finding.where in finding.text else f"{finding.where}: {finding.text}"
            for finding in these[:SHOWN_OF_A_KIND]
        ]
        if len(these) > SHOWN_OF_A_KIND:
            texts.append(f"and {len(these) - SHOWN_OF_A_KIND} more (--json FILE has all)")
        table.add_row(level, what, str(len(these)), "\n".join(texts))
    return table
