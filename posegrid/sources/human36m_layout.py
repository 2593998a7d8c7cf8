"""Where the Human3.6M release keeps what, and the variants in which people have it on their disks."""

import re
from pathlib import Path

VIDEOS = "Videos"
POSES_WORLD = "MyPoseFeatures/D3_Positions"
POSES_CAMERA = "MyPoseFeatures/D3_Positions_mono"
KEYPOINTS = "MyPoseFeatures/D2_Positions"
MASKS = "MySegmentsMat/ground_truth_bs"
BOXES = "MySegmentsMat/ground_truth_bb"
METADATA = "metadata.xml"
SYNTHETIC_MARK = "SYNTHETIC.txt"
"""This file in the root says that the data set was made by `posegrid synth`."""

CAMERA_IDS = ("54138969", "55011271", "58860488", "60457274")

FOLDERS = {
    VIDEOS: (VIDEOS,),
    POSES_CAMERA: (POSES_CAMERA, "Poses_D3_Positions_mono", "D3_Positions_mono"),
    KEYPOINTS: (KEYPOINTS, "Poses_D2_Positions", "D2_Positions"),
    MASKS: (MASKS, "Segments_mat_gt_bs", "ground_truth_bs"),
}
"""Folders of a subject in which each kind of file may lie, the release's own first."""

SUFFIXES = {VIDEOS: ".mp4", POSES_WORLD: ".cdf", POSES_CAMERA: ".cdf", KEYPOINTS: ".cdf", MASKS: ".mat", BOXES: ".mat"}

ARCHIVE_WORDS = {VIDEOS: "video", POSES_CAMERA: "d3_positions_mono", KEYPOINTS: "d2_positions", MASKS: "seg"}
"""A word in the name of the archive that holds each kind of file."""


def view_path(root: Path, subject: str, kind: str, file_base: str, camera_id: str | None) -> Path:
    """The release's own path of a file: `kind` is VIDEOS, POSES_CAMERA, ...; world poses have no camera."""
    camera = "" if camera_id is None else f".{camera_id}"
    return root / subject / kind / f"{file_base}{camera}{SUFFIXES[kind]}"


def find_file(root: Path, subject: str, kind: str, file_base: str, camera_id: str) -> Path | None:
    """The file in whichever variant of the layout it lies (other folders, spaces turned to underscores), or None."""
    for folder in FOLDERS[kind]:
        for base in dict.fromkeys((file_base, file_base.replace(" ", "_"))):
            path = root / subject / folder / f"{base}.{camera_id}{SUFFIXES[kind]}"
            if path.is_file():
                return path
    return None


def find_archives(root: Path, subject: str, kind: str | None = None) -> list[Path]:
    """Archives not unpacked yet, in the root or the subject's folder, that hold this subject's files.

    With `kind`, those that may hold such files; archives whose names name no subject ("..SubjectSpecific_1.tgz", where
    the number is not the subject's) count too.
    """
    archives = [
        path
        for folder in (root, root / subject)
        if folder.is_dir()
        for path in sorted(folder.iterdir())
        if path.name.lower().endswith((".tgz", ".tar.gz", ".tar", ".zip"))
    ]
    own = [path for path in archives if path.parent != root or _names(path.name, re.escape(subject))]
    if kind is None:
        return own
    own += [path for path in archives if path not in own and not _names(path.name, "S[0-9]+")]
    fitting = [path for path in own if ARCHIVE_WORDS[kind] in path.name.lower()]
    return fitting or [path for path in own if not any(word in path.name.lower() for word in ARCHIVE_WORDS.values())]


def _names(text: str, subject: str) -> bool:
    """Whether a file's name names the subject (a pattern): "Videos_S1.tgz" names S1, "Videos_S11.tgz" does not."""
    return re.search(rf"(?<![A-Za-z0-9]){subject}(?![0-9])", text) is not None
