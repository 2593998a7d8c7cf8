"""Folders of motion capture: Acclaim's ASF and AMC files, and BVH files."""

from pathlib import Path

from posegrid.errors import SourceError
from posegrid.walkers.motion.acclaim import load_motion_capture
from posegrid.walkers.motion.bvh import load_bvh
from posegrid.walkers.motion.captured import RecordedWalk, recorded_walk
from posegrid.walkers.motion.motion_capture import CMU_FPS, MotionCapture


def load_motion_captures(folder: Path, fps: float = CMU_FPS) -> list[MotionCapture]:
    """Every AMC and BVH file under a folder; beside an AMC file lies its ASF file, one for all, or
    SUBJECT.asf.

    fps: of the AMC files, which do not say it.

    Raises SourceError where there is none, or a file is damaged.
    """
    captures = [
        load_motion_capture(_skeleton_of(amc), amc, fps) for amc in sorted(folder.rglob("*.amc"))
    ]
    captures += [load_bvh(bvh) for bvh in sorted(folder.rglob("*.bvh"))]
    if not captures:
        raise SourceError(
            f"{folder}: no AMC or BVH file in it or below; expected motion capture (SUBJECT.asf "
            "with SUBJECT_*.amc, or *.bvh)."
        )
    return captures


def load_walks(folder: Path, fps: float = CMU_FPS) -> list[RecordedWalk]:
    """Every captured walk under a folder. Raises SourceError as `load_motion_captures`."""
    return [recorded_walk(capture) for capture in load_motion_captures(folder, fps)]


def _skeleton_of(amc: Path) -> Path:
    """The ASF file that an AMC file was captured with."""
    skeletons = sorted(amc.parent.glob("*.asf"))
    own = [asf for asf in skeletons if amc.stem.startswith(f"{asf.stem}_")] or skeletons
    if len(own) != 1:
        raise SourceError(
            f"{amc}: {len(skeletons)} ASF files beside it, none clearly its own; expected "
            "SUBJECT.asf."
        )
    return own[0]
