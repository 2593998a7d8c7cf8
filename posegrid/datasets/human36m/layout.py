"""Where the Human3.6M release keeps what, and the variants in which people have it on their
disks.
"""

import re
from pathlib import Path

VIDEOS = "Videos"
POSES_WORLD = "MyPoseFeatures/D3_Positions"
POSES_CAMERA = "MyPoseFeatures/D3_Positions_mono"
POSES_UNIVERSAL = "MyPoseFeatures/D3_Positions_mono_universal"
KEYPOINTS = "MyPoseFeatures/D2_Positions"
MASKS = "MySegmentsMat/ground_truth_bs"
BOXES = "MySegmentsMat/ground_truth_bb"
METADATA = "metadata.xml"
SYNTHETIC_MARK = "SYNTHETIC.txt"
"""This file in the root says that the data set was made by `posegrid synth`."""

POSED_SUBJECTS = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
"""Subjects whose poses the release gives away; of the others, its test subjects, it has pictures
only.
"""

CAMERA_IDS = ("54138969", "55011271", "58860488", "60457274")

FOLDERS = {
    VIDEOS: (VIDEOS,),
    POSES_CAMERA: (POSES_CAMERA, "Poses_D3_Positions_mono", "D3_Positions_mono"),
    POSES_WORLD: (POSES_WORLD, "Poses_D3_Positions", "D3_Positions"),
    POSES_UNIVERSAL: (
        POSES_UNIVERSAL,
        "Poses_D3_Positions_mono_universal",
        "D3_Positions_mono_universal",
    ),
    KEYPOINTS: (KEYPOINTS, "Poses_D2_Positions", "D2_Positions"),
    MASKS: (MASKS, "Segments_mat_gt_bs", "ground_truth_bs"),
    BOXES: (BOXES, "Segments_mat_gt_bb", "ground_truth_bb"),
}
"""Folders of a subject in which each kind of file may lie, the release's own first."""

KIND_NAMES = {
    VIDEOS: "videos",
    POSES_CAMERA: "mono poses",
    POSES_WORLD: "world poses",
    POSES_UNIVERSAL: "univ. poses",
    KEYPOINTS: "2D poses",
    MASKS: "masks",
    BOXES: "boxes",
}
"""What each kind of file is called in tables."""

SUFFIXES = {VIDEOS: ".mp4", MASKS: ".mat", BOXES: ".mat"} | dict.fromkeys(
    (POSES_WORLD, POSES_CAMERA, POSES_UNIVERSAL, KEYPOINTS), ".cdf"
)

ARCHIVE_WORDS = {
    VIDEOS: "video",
    POSES_CAMERA: "d3_positions_mono(?!_universal)",
    POSES_WORLD: "d3_positions(?!_mono)",
    POSES_UNIVERSAL: "d3_positions_mono_universal",
    KEYPOINTS: "d2_positions",
    MASKS: "seg(?!.*_bb)",
    BOXES: "seg(?!.*_bs)",
}
"""What the name of the archive that holds each kind of file contains, as a pattern."""


def view_path(root: Path, subject: str, kind: str, file_base: str, camera_id: str | None) -> Path:
    """The release's own path of a file: `kind` is VIDEOS, POSES_CAMERA, ...; world poses have no
    camera.
    """
    camera = "" if camera_id is None else f".{camera_id}"
    return root / subject / kind / f"{file_base}{camera}{SUFFIXES[kind]}"


def find_file(root: Path, subject: str, kind: str, file_base: str, camera_id: str) -> Path | None:
    """The file in whichever variant of the layout it lies (other folders, spaces turned to
    underscores), or None.
    """
    camera = "" if kind == POSES_WORLD else f".{camera_id}"
    for folder in FOLDERS[kind]:
        for base in dict.fromkeys((file_base, file_base.replace(" ", "_"))):
            path = root / subject / folder / f"{base}{camera}{SUFFIXES[kind]}"
            if path.is_file():
                return path
    return None


def find_archives(root: Path, subject: str, kind: str | None = None) -> list[Path]:
    """Archives not unpacked yet, in the root or the subject's folder, that hold this subject's
    files.

    With `kind`, those that may hold such files; archives whose names name no subject
    ("..SubjectSpecific_1.tgz", where the number is not the subject's) count too.
    """
    archives = [*archives_in(root), *archives_in(root / subject)]
    own = [
        path for path in archives if path.parent != root or _names(path.name, re.escape(subject))
    ]
    if kind is None:
        return own
    own += [path for path in archives if path not in own and not _names(path.name, "S[0-9]+")]
    fitting = [path for path in own if re.search(ARCHIVE_WORDS[kind], path.name.lower())]
    return fitting or [
        path
        for path in own
        if not any(re.search(word, path.name.lower()) for word in ARCHIVE_WORDS.values())
    ]


def archives_in(folder: Path) -> list[Path]:
    """Archives that lie in a folder, by name; none if there is no such folder."""
    endings = (".tgz", ".tar.gz", ".tar", ".zip")
    return sorted(
        path for path in folder.glob("*") if path.name.lower().endswith(endings) and path.is_file()
    )


def _names(text: str, subject: str) -> bool:
    """Whether a file's name names the subject (a pattern): "Videos_S1.tgz" names S1,
    "Videos_S11.tgz" does not.
    """
    return re.search(rf"(?<![A-Za-z0-9]){subject}(?![0-9])", text) is not None
