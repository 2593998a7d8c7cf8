"""What the findings about a Human3.6M tree come to: how much can be prepared, what it takes, what to do next."""

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from posegrid.sources.human36m_check import Finding, ViewCheck
from posegrid.sources.human36m_inventory import Inventory

BYTES_PER_CROP = 3800
"""Measured on rendered people, 128 x 128 px, JPEG of quality 90, with all numbers: 2.3 kB without the background, 3.4
kB with it, 3.7 kB with the mask beside it."""


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
    """Median of keypoints minus projected joints over all sequences; None if there are no keypoints."""
    share_held: float | None
    """Share of the joints that lie in the masks looked at."""
    summary: tuple[str, ...]


def diagnosed(stock: Inventory, checks: list[ViewCheck]) -> Diagnosis:
    """What the stock and the checks of its sequences come to. `checks` are in the order of `stock.present`."""
    findings = (*stock.findings, *(finding for check in checks for finding in check.findings))
    frames: Counter[str] = Counter()
    for files, check in zip(stock.present, checks, strict=True):
        frames[files.action] += check.num_poses
    offsets = [check.offset_px for check in checks if check.offset_px is not None]
    offset = np.median(offsets, axis=0) if offsets else None
    held = [check.share_held for check in checks if check.share_held is not None]
    usable, needed = sum(check.num_poses > 0 for check in checks), sum(frames.values()) * BYTES_PER_CROP
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
        steps.append("Unpack the archives, each into the folder of its subject: tar -xf ARCHIVE -C ROOT/S1")
    if any(what.startswith(("damaged", "no ", "masks", "files that")) for what in whats - {"damaged archive"}):
        steps.append("Download and unpack again what is damaged or missing; or go on without it: prepare names it.")
    if whats & {"poses and cameras do not fit", "keypoints and projected joints differ"}:
        steps.append("Copy metadata.xml out of the code archive of the same release; figures would be wrong without.")
    if diagnosis.bytes_needed > diagnosis.bytes_free:
        steps.append(f"Make room, or prepare to another disk: {_gigabytes(diagnosis.bytes_needed)} are needed.")
    if whats & {"no split", "cannot be used", "joints beside the picture"}:
        steps.append("Mend what is said above: docs/own-data.md describes every file.")
    if diagnosis.usable_views:
        unmasked = bool(stock.present) and not stock.rows and diagnosis.share_held is None
        steps.append(f"posegrid prepare {stock.root} data/mine{' --background kept' * unmasked}")
    return steps or ["Download the release's archives into this folder and unpack them (docs/human36m.md)."]


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e8 else f"{count / 1e6:.1f} MB"
