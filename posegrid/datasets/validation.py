"""Whether recordings other than Human3.6M's can be used: what `doctor` does with one's own folder
or MPI-INF-3DHP.
"""

from collections.abc import Collection
from itertools import islice
from pathlib import Path

import numpy as np

from posegrid.datasets.human36m.check import NUM_SAMPLES, WELL_HELD, Finding, ViewCheck
from posegrid.datasets.human36m.inventory import Inventory
from posegrid.datasets.human36m.sequences import is_synthetic
from posegrid.datasets.sequence import Frame, Sequence
from posegrid.datasets.source import OWN, View, find_views, kind_of, open_recording, splits_of
from posegrid.errors import SourceError

IN_PICTURE = 0.5
"""Share of the joints that lie in the picture, at least, where camera and poses belong together."""


def taken_stock(root: Path, subjects: Collection[str], actions: Collection[str]) -> Inventory:
    """The views that there are, and whether somebody has said who trains and who tests."""
    views = find_views(root, subjects or None, actions or None, None)
    findings = []
    try:
        splits = splits_of(root, "subjects-5-2")
        named = {name for names in splits.values() for name in names}
        strangers = sorted({view.subject for view in views} - named)
        if strangers and kind_of(root) == OWN:
            text = f"{root}/split.json: does not name {', '.join(strangers)}: nobody trains or tests on them"
            findings.append(Finding("notice", "subjects without a part", str(root), text))
    except SourceError as error:
        findings.append(Finding("fault", "no split", str(root), str(error)))
    return Inventory(root, is_synthetic(root), (), tuple(views), (), (), tuple(findings))


def check_view(view: View, *, deep: bool = False) -> ViewCheck:
    """What is wrong with one video, its camera, poses and masks; `deep` decodes every frame and
    reads every mask.
    """
    try:
        sequence = open_recording(view, "mono", "keep")
        every = 1 if deep else max(sequence.num_frames // NUM_SAMPLES, 1)
        frames = sequence.open_frames(every)
        held = [
            _share_held(sequence, frame)
            for frame in (frames if deep else islice(frames, NUM_SAMPLES))
        ]
    except SourceError as error:
        return ViewCheck((Finding("fault", "cannot be used", view.name, str(error)),), 0)
    findings = [Finding("notice", "note", view.name, note) for note in sequence.notes]
    inside = _share_in_picture(sequence)
    if inside < IN_PICTURE:
        text = (
            f"{inside:.0%} of the joints lie in the picture: do camera and poses belong together? Expected mm, "
            "x right, y down, z forward"
        )
        findings.append(Finding("fault", "joints beside the picture", view.name, text))
    shares = [share for share in held if share is not None]
    share = float(np.mean(shares)) if shares else None
    if share is not None and share < WELL_HELD:
        text = f"masks hold {share:.0%} of the joints: do camera, poses and masks belong together?"
        findings.append(Finding("notice", "poor masks", view.name, text))
    usable = (
        int(np.isfinite(sequence.pose_cam_mm).all(axis=(1, 2)).sum()) if inside >= IN_PICTURE else 0
    )
    return ViewCheck(tuple(findings), usable, share_held=share)


def _share_in_picture(sequence: Sequence) -> float:
    points, size = sequence.keypoints_px, np.array(sequence.camera.size_wh)
    points = points[np.isfinite(points).all(axis=(1, 2))]
    return float(((points >= 0) & (points < size)).all(axis=-1).mean())


def _share_held(sequence: Sequence, frame: Frame) -> float | None:
    """Share of the joints in the mask; None without masks."""
    mask = frame.mask
    if mask is None:
        return None
    x, y = np.floor(sequence.keypoints_px[frame.index].T).astype(int)
    inside = (x >= 0) & (y >= 0) & (x < mask.shape[1]) & (y < mask.shape[0])
    return float((mask[np.where(inside, y, 0), np.where(inside, x, 0)] & inside).mean())
