"""Where the Human3.6M release keeps what, and the variants in which people have it on disk."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from posegrid.datasets.human36m.metadata import Metadata
from posegrid.datasets.source import View
from posegrid.errors import SourceError

VIDEOS = "Videos"
POSES_WORLD = "MyPoseFeatures/D3_Positions"
POSES_CAMERA = "MyPoseFeatures/D3_Positions_mono"
POSES_UNIVERSAL = "MyPoseFeatures/D3_Positions_mono_universal"
KEYPOINTS = "MyPoseFeatures/D2_Positions"
MASKS = "MySegmentsMat/ground_truth_bs"
BOXES = "MySegmentsMat/ground_truth_bb"
METADATA = "metadata.xml"
POSED_SUBJECTS = ("S1", "S5", "S6", "S7", "S8", "S9", "S11")
"""Subjects whose poses the release gives away; of the others, its test subjects, it has pictures
only."""

ShiftedPoses = Literal["keep", "drop", "correct"]
"""What to do with Human3.6M's sequences of S9 whose poses lie beside the person."""
SplitName = Literal[
    "subjects-5-2", "subjects-5-2-all-five", "subjects-6-1", "walking2015", "official"
]

SPLITS: dict[SplitName, dict[str, list[str]]] = {
    "subjects-5-2": {
        "train": ["S1", "S5", "S6", "S7"],
        "validation": ["S8"],
        "test": ["S9", "S11"],
    },
    "subjects-6-1": {
        "train": ["S1", "S5", "S6", "S7", "S9"],
        "validation": ["S8"],
        "test": ["S11"],
    },
    "walking2015": {"train": ["S1", "S5", "S6", "S7", "S8"], "validation": ["S9"], "test": ["S11"]},
    "subjects-5-2-all-five": {
        "train": ["S1", "S5", "S6", "S7", "S8"],
        "validation": ["S9", "S11"],
        "test": [],
    },
    "official": {
        "train": ["S1", "S7", "S8", "S9", "S11"],
        "validation": ["S5", "S6"],
        "test": ["S2", "S3", "S4", "S10"],
    },
}
"""Subjects of Human3.6M by split.

- subjects-5-2: the literature's, with S8 taken out of its five training subjects for validation.
- subjects-5-2-all-five: the same with all five for training. Nobody is left for validation, so that
  weights are chosen on the subjects whom figures are of, which makes these look better than they
  are.
- subjects-6-1: that of most figures after alignment (PA-MPJPE), with S8 taken out of its six
  training subjects.
- walking2015: that of the 2015 report (tested on S11 alone), with S9 taken out of its six training
  subjects for validation. The report itself validated on rows that it trained on.
- official: the release's own, as its metadata.xml has it. Poses of its test subjects are not given
  away, so that figures are of its validation subjects, on whom weights are chosen, too.
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


@dataclass(frozen=True)
class Human36mView(View):
    """One sequence and camera, and where its files are, before any of them is opened."""

    root: Path
    metadata: Metadata

    @property
    def file_base(self) -> str:
        """File name without camera and suffix, as the release's table has it."""
        return self.metadata.file_bases[self.subject, self.action, self.subaction]

    def file_name(self, kind: str) -> str:
        """The release's own name of a file; that of world poses names no camera."""
        return _file_name(self.file_base, kind, self.camera_id)

    def find(self, kind: str) -> Path | None:
        """The file of a kind, in whichever variant of the layout it lies, or None."""
        base, subject = self.file_base, self.root / self.subject
        bases = dict.fromkeys((base, base.replace(" ", "_")))
        names = [_file_name(base, kind, self.camera_id) for base in bases]
        paths = (subject / folder / name for folder in FOLDERS[kind] for name in names)
        return next((path for path in paths if path.is_file()), None)

    def required(self, kind: str) -> Path:
        """The file of a kind. If there is none, SourceError says where it was looked for."""
        path = self.find(kind)
        if path is None:
            expected = self.root / self.subject / kind / self.file_name(kind)
            raise SourceError(f"{self.name}: {expected} is missing. {self.advice(kind)}")
        return path

    def advice(self, kind: str) -> str:
        """What to do about a missing file."""
        nested = nested_folder(self.root, self.subject)
        if nested is not None:
            return f"{nested} was unpacked one folder too deep: move what it holds one up."
        video = None
        if kind in (MASKS, BOXES):
            video = _masks_as_video(self.root, self.subject, self.file_base, self.camera_id)
        if video is not None:
            return (
                f"{video} holds masks as a video, which is not read: its compression blurs their "
                "edges. Download the release's masks in .mat files (background subtraction)."
            )
        return advice_on(self.root, find_archives(self.root, self.subject, kind))


def view_path(root: Path, subject: str, kind: str, file_base: str, camera_id: str | None) -> Path:
    """The release's own path of a file: `kind` is VIDEOS, POSES_CAMERA, ..."""
    return root / subject / kind / _file_name(file_base, kind, camera_id or "")


def _file_name(file_base: str, kind: str, camera_id: str) -> str:
    camera = "" if kind == POSES_WORLD else f".{camera_id}"
    return f"{file_base}{camera}{SUFFIXES[kind]}"


def metadata_path(root: Path) -> Path:
    """In the root; or in the one folder there that has it, such as "Release-v1.2"."""
    elsewhere = [] if (root / METADATA).is_file() else sorted(root.glob(f"*/{METADATA}"))
    return elsewhere[0] if len(elsewhere) == 1 else root / METADATA


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


def advice_on(root: Path, archives: list[Path]) -> str:
    """What to do about files that are not there."""
    if not archives:
        return "Download and unpack the release's archives into this folder."
    names = ", ".join(str(archive) for archive in archives[:4])
    return f"Not unpacked yet: {names}. {unpacking(root, archives[0])}"


def unpacking(root: Path, archive: Path) -> str:
    """How to unpack an archive: each holds the folder of its subject."""
    source, target = shlex.quote(str(archive)), shlex.quote(str(root))
    how = f"unzip {source} -d {target}" if archive.suffix == ".zip" else ""
    return f"Unpack it into the root: {how or f'tar -xf {source} -C {target}'}"


def nested_folder(root: Path, subject: str) -> Path | None:
    """ROOT/S1/S1, if an archive was unpacked one folder too deep."""
    path = root / subject / subject
    return path if path.is_dir() else None


def misplaced_folder(root: Path, subject: str) -> Path | None:
    """A subject's folder that is not ROOT/S1 but ROOT/s1, ROOT/extracted/S1 or the like: one folder
    or one letter-case away.
    """
    around = [root, *sorted(path for path in root.iterdir() if path.is_dir())]
    there = [path for folder in around for path in sorted(folder.iterdir()) if path.is_dir()]
    named = [path for path in there if path.name.lower() == subject.lower()]
    return None if not named or root / subject in named else named[0]


def _masks_as_video(root: Path, subject: str, file_base: str, camera_id: str) -> Path | None:
    """The masks as the release also offers them: as a video, which compression has blurred."""
    names = {f"{base}.{camera_id}.mp4" for base in (file_base, file_base.replace(" ", "_"))}
    return next(
        (
            path
            for folder in sorted((root / subject).glob("*"))
            if "segment" in folder.name.lower() or "ground_truth" in folder.name
            for path in sorted(folder.rglob("*.mp4"))
            if path.name in names
        ),
        None,
    )


def _names(text: str, subject: str) -> bool:
    """Whether a file's name names the subject (a pattern): "Videos_S1.tgz" names S1,
    "Videos_S11.tgz" does not."""
    return re.search(rf"(?<![A-Za-z0-9]){subject}(?![0-9])", text) is not None
