"""What the findings about a Human3.6M tree come to: how much can be prepared, what it takes, what
to do next.

`posegrid doctor`: what is there of a data set, what is missing, what is wrong with it, and what to
do next.

Made for Human3.6M; one's own recordings (docs/own-data.md) and MPI-INF-3DHP are validated, too.
"""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import track
from rich.table import Table
from tyro.conf import Positional, arg

from posegrid.datasets import validation
from posegrid.datasets.human36m import check as human36m_check
from posegrid.datasets.human36m import inventory as human36m_inventory
from posegrid.datasets.human36m.check import Finding, ViewCheck
from posegrid.datasets.human36m.inventory import Inventory
from posegrid.datasets.human36m.layout import KIND_NAMES
from posegrid.datasets.human36m.sequences import SequenceFiles
from posegrid.datasets.source import HUMAN36M, View, kind_of, refuse_no_data_set
from posegrid.errors import OutputError, SourceError
from posegrid.files import completed

BYTES_PER_CROP = 3800
"""Measured on rendered people, 128 x 128 px, JPEG of quality 90, with all numbers: 2.3 kB without
the background, 3.4 kB with it, 3.7 kB with the mask beside it."""


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
    """Median of keypoints minus projected joints over all sequences; None if there are no
    keypoints.
    """
    share_held: float | None
    """Share of the joints that lie in the masks looked at."""
    summary: tuple[str, ...]


def diagnosed(stock: Inventory, checks: list[ViewCheck]) -> Diagnosis:
    """What the stock and the checks of its sequences come to. `checks` are in the order of
    `stock.present`.
    """
    findings = (*stock.findings, *(finding for check in checks for finding in check.findings))
    frames: Counter[str] = Counter()
    for files, check in zip(stock.present, checks, strict=True):
        frames[files.action] += check.num_poses
    offsets = [check.offset_px for check in checks if check.offset_px is not None]
    offset = np.median(offsets, axis=0) if offsets else None
    held = [check.share_held for check in checks if check.share_held is not None]
    usable, needed = (
        sum(check.num_poses > 0 for check in checks),
        sum(frames.values()) * BYTES_PER_CROP,
    )
    free = shutil.disk_usage(stock.root).free
    diagnosis = Diagnosis(
        findings=findings,
        num_faults=sum(finding.level == "fault" for finding in findings),
        frames={action: count for action, count in frames.items() if count},
        usable_views=usable,
        bytes_needed=needed,
        bytes_free=free,
        offset_px=None if offset is None else (float(offset[0]), float(offset[1])),
        share_held=float(np.mean(held)) if held else None,
        summary=(),
    )
    return replace(diagnosis, summary=tuple(_summary(stock, diagnosis)))


def _summary(stock: Inventory, diagnosis: Diagnosis) -> Iterator[str]:
    """The sums in words."""
    if stock.synthetic:
        yield "This tree says of itself that it was made by a computer: figures on it are not Human3.6M's."
    total = sum(diagnosis.frames.values())
    walking = diagnosis.frames.get("Walking", 0)
    yield (
        f"{diagnosis.usable_views} of {len(stock.present)} sequences x cameras can be prepared: {total:,} frames"
        + (f", {walking:,} of them Walking" if walking else "")
    )
    of_walking = f", {_gigabytes(walking * BYTES_PER_CROP)} for Walking" if walking else ""
    yield (
        f"disk for `prepare`: about {_gigabytes(diagnosis.bytes_needed)} for all{of_walking} (crops of 128 x 128 px); "
        f"{_gigabytes(diagnosis.bytes_free)} are free where the tree lies"
    )
    if diagnosis.offset_px is not None:
        x, y = diagnosis.offset_px
        same = max(abs(x), abs(y)) < 0.25
        yield (
            f"keypoints minus projected joints: {x:+.2f} px to the right, {y:+.2f} px down (median): keypoints and "
            f"principal points {'count pixels alike' if same else 'DO NOT count pixels alike'}"
        )
    if diagnosis.share_held is not None:
        yield f"masks hold {diagnosis.share_held:.0%} of the joints, in the frames looked at"
    if stock.absent_subjects:
        yield f"nothing here of {', '.join(stock.absent_subjects)}"


def next_steps(stock: Inventory, diagnosis: Diagnosis) -> list[str]:
    """What to do, in this order."""
    whats = {finding.what for finding in diagnosis.findings}
    steps = []
    if whats & {"log-in page saved as an archive", "damaged archive"}:
        steps.append("Log in to the release's site again and download the archives that are none.")
    if "archive not unpacked" in whats:
        steps.append(
            "Unpack the archives, each into the folder of its subject: tar -xf ARCHIVE -C ROOT/S1"
        )
    if any(
        what.startswith(("damaged", "no ", "masks", "files that"))
        for what in whats - {"damaged archive"}
    ):
        steps.append(
            "Download and unpack again what is damaged or missing; or go on without it: prepare names it."
        )
    if whats & {"poses and cameras do not fit", "keypoints and projected joints differ"}:
        steps.append(
            "Copy metadata.xml out of the code archive of the same release; figures would be wrong without."
        )
    if diagnosis.bytes_needed > diagnosis.bytes_free:
        steps.append(
            f"Make room, or prepare to another disk: {_gigabytes(diagnosis.bytes_needed)} are needed."
        )
    if whats & {"no split", "cannot be used", "joints beside the picture"}:
        steps.append("Mend what is said above: docs/own-data.md describes every file.")
    if diagnosis.usable_views:
        unmasked = bool(stock.present) and not stock.rows and diagnosis.share_held is None
        steps.append(f"posegrid prepare {stock.root} data/mine{' --background kept' * unmasked}")
    return steps or [
        "Download the release's archives into this folder and unpack them (docs/human36m.md)."
    ]


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"


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
    few of each.
    """
    json: Path | None = None
    """Write everything that was found to this file, too."""


def doctor(settings: DoctorSettings) -> None:
    """Prints what is there and what is wrong. Raises SourceError, when all was looked at, if
    anything is at fault.
    """
    console = Console()
    stock = stock_of(settings)
    watched = track(
        stock.present, "looking", console=console, disable=not console.is_terminal, transient=True
    )
    diagnosis = diagnosed(stock, [checked(view, deep=settings.deep) for view in watched])
    if stock.rows:
        console.print(inventory_table(stock))
    if diagnosis.findings:
        console.print(findings_table(diagnosis))
    for line in diagnosis.summary:
        console.print(line, markup=False, soft_wrap=True)
    for number, step in enumerate(next_steps(stock, diagnosis), start=1):
        console.print(
            f"{'next: ' if number == 1 else '      '}{number}. {step}", markup=False, soft_wrap=True
        )
    if settings.json is not None:
        write_report(settings.json, stock, diagnosis)
    if diagnosis.num_faults:
        raise SourceError(
            f"{settings.root}: {diagnosis.num_faults} faults, listed above. Where files are damaged or missing, "
            "`posegrid prepare` leaves the sequence out, says so, and does it when it is mended and called again."
        )


def stock_of(settings: DoctorSettings) -> Inventory:
    """What there is, of whichever kind of recordings the folder holds. Raises SourceError if it
    holds none.
    """
    refuse_no_data_set(settings.root)
    take = (
        human36m_inventory.taken_stock
        if kind_of(settings.root) == HUMAN36M
        else validation.taken_stock
    )
    return take(settings.root, settings.subjects, settings.actions)


def checked(view: View, *, deep: bool) -> ViewCheck:
    """What is wrong with one sequence and camera, of whichever kind."""
    if isinstance(view, SequenceFiles):
        return human36m_check.check_view(view, deep=deep)
    return validation.check_view(view, deep=deep)


def inventory_table(stock: Inventory) -> Table:
    """Files found of files expected, by subject, action and kind; an action that is complete is a
    number in a sum.
    """
    title = f"{stock.root}: files found / expected"
    table = Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE, padding=(0, 1, 0, 0)
    )
    for name in ("subject", "action", *KIND_NAMES.values()):
        table.add_column(name, justify="left" if name in ("subject", "action") else "right")
    for subject in dict.fromkeys(row.subject for row in stock.rows):
        rows = [row for row in stock.rows if row.subject == subject]
        whole = [row for row in rows if row.complete]
        shown = [(row.action, [row]) for row in rows if not row.complete]
        if whole:
            names = whole[0].action if len(whole) == 1 else f"{len(whole)} actions"
            shown.insert(0, (names, whole))
        for name, part in shown:
            found = {kind: sum(row.found[kind] for row in part) for kind in KIND_NAMES}
            expected = {kind: sum(row.expected[kind] for row in part) for kind in KIND_NAMES}
            table.add_row(
                subject,
                name,
                *(f"{found[k]}/{expected[k]}" if found[k] else "-" for k in KIND_NAMES),
            )
    return table


def findings_table(diagnosis: Diagnosis) -> Table:
    """What was found, faults first, the first few of each kind."""
    table = Table(title="found", title_justify="left", title_style="bold", box=SIMPLE)
    for name in ("", "what", "number", "where"):
        table.add_column(name, overflow="fold")
    ordered = sorted(diagnosis.findings, key=lambda finding: finding.level != "fault")
    counts = Counter((finding.level, finding.what) for finding in ordered)
    for (level, what), count in counts.items():
        these = [finding for finding in ordered if (finding.level, finding.what) == (level, what)]
        texts = [
            finding.text if finding.where in finding.text else f"{finding.where}: {finding.text}"
            for finding in these[:SHOWN_OF_A_KIND]
        ]
        more = (
            [f"and {count - SHOWN_OF_A_KIND} more (--json FILE has all)"]
            if count > SHOWN_OF_A_KIND
            else []
        )
        table.add_row(level, what, str(count), "\n".join([*texts, *more]))
    return table


def write_report(path: Path, stock: Inventory, diagnosis: Diagnosis) -> None:
    """Writes everything as JSON. Raises OutputError where it cannot."""
    content = {
        "root": str(stock.root),
        "synthetic": stock.synthetic,
        "files": [asdict(row) for row in stock.rows],
        "absent_subjects": stock.absent_subjects,
        "archives": [str(archive) for archive in stock.archives],
        **asdict(diagnosis),
        "next": next_steps(stock, diagnosis),
    }
    try:
        with completed(path) as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror}); choose another --json."
        ) from error
