"""Writes a data set in the layout of the Human3.6M release, so that readers of the release read it.

For each subject, sequence and camera: `write_poses`, and a `ViewWriter` for the frames. Then, once,
`write_metadata` and `mark_synthetic`. Video and masks are written frame by frame; a file appears
under its name when it is complete.
"""

import xml.etree.ElementTree as ElementTree
from collections.abc import Collection, Iterable, Mapping
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import numpy as np
from jaxtyping import Bool, Float, UInt8

from posegrid import __version__
from posegrid.body.camera import Camera
from posegrid.body.skeleton import HUMAN36M_32_NAMES, HUMAN36M_32_PARENTS
from posegrid.datasets.human36m.layout import (
    BOXES,
    CAMERA_IDS,
    KEYPOINTS,
    MASKS,
    METADATA,
    POSES_CAMERA,
    POSES_WORLD,
    VIDEOS,
    view_path,
)
from posegrid.datasets.human36m.metadata import (
    MOCAP_FRAMES_PER_POSE,
    PIXEL_OFFSET,
    SUBACTIONS,
    SequenceKey,
    angles_of_rotation,
)
from posegrid.datasets.human36m.release_files import MaskWriter, filled_box, write_pose_cdf
from posegrid.datasets.source import SYNTHETIC_MARK
from posegrid.errors import OutputError
from posegrid.files import write_text, written
from posegrid.video.writer import VideoWriter

SUBJECTS = tuple(f"S{number}" for number in range(1, 12))
_IN_WORDS = (
    "Miscellaneous Directions Discussion Eating Greeting Phoning Posing Purchases Sitting "
    "SittingDown Smoking TakingPhoto Waiting Walking WalkingDog WalkingTogether"
)
ACTIONS = tuple(_IN_WORDS.split())
"""Names of the actions in metadata.xml, in order."""
FILE_WORDS = {"Miscellaneous": "_ALL", "WalkingTogether": "WalkTogether"}
"""Actions whose files are called otherwise."""
ODD_WORDS = {"TakingPhoto": "Photo", "WalkingDog": "WalkDog"}
"""Actions whose files are called otherwise but for S1."""
ODD_BASES = {
    ("Directions", "S5"): "1/2",
    ("Discussion", "S5"): "2/3",
    **dict.fromkeys((("Discussion", "S9"), ("Discussion", "S11")), "1/2"),
    ("Eating", "S1"): "2/",
    ("Eating", "S6"): "1/2",
    ("Greeting", "S5"): "1/2",
    ("Greeting", "S11"): "2/",
    ("Phoning", "S7"): "2/",
    ("Phoning", "S11"): "3/2",
    ("Posing", "S6"): "2/",
    **dict.fromkeys((("Sitting", "S1"), ("Sitting", "S6")), "1/2"),
    ("SittingDown", "S1"): "2/",
    **dict.fromkeys((("SittingDown", name) for name in ("S5", "S7", "S8", "S9", "S11")), "/1"),
    ("Smoking", "S11"): "2/",
    ("TakingPhoto", "S5"): "/2",
    **dict.fromkeys((("TakingPhoto", "S6"), ("TakingPhoto", "S7")), "/1"),
    **dict.fromkeys((("Waiting", "S5"), ("Waiting", "S7")), "1/2"),
    ("Waiting", "S6"): "3/",
    ("Walking", "S7"): "1/2",
    ("WalkingTogether", "S8"): "1/2",
}
"""Numbers in the names of files of both subactions, where they are not "1" and none."""
OWN_SPLIT = {"train": (1, 7, 8, 9, 11), "val": (5, 6), "test": (2, 3, 4, 10)}
"""Numbers of the subjects in the release's own split."""


def default_file_base(action: str, subaction: int, subject: str = "S1") -> str:
    """A sequence's file name in the release, e.g. "Walking 1" and "Walking", for S7 "Walking 2"."""
    odd = ODD_WORDS if subject != "S1" else {}
    word = (FILE_WORDS | odd).get(action, action)
    number = ODD_BASES.get((action, subject), "1/").split("/")[subaction - 1]
    return f"{word} {number}".rstrip()


def write_poses(
    root: Path,
    subject: str,
    file_base: str,
    camera_id: str,
    joints_world_mm: Float[np.ndarray, "T 32 3"],
    camera: Camera,
) -> None:
    """Write one sequence as one camera sees it: joints in world and camera frame, mm, and pixels.

    Pixels are with lens distortion, the first one's centre at 1, as MATLAB counts. The file of
    world joints is the same for all cameras of a sequence, and is written each time: let one
    process write them all. Raises OutputError if a joint is no number or lies behind the camera.
    """
    joints_cam_mm = camera.world_to_camera(joints_world_mm.astype(np.float64))
    write_pose_cdf(view_path(root, subject, POSES_WORLD, file_base, None), joints_world_mm)
    write_pose_cdf(view_path(root, subject, POSES_CAMERA, file_base, camera_id), joints_cam_mm)
    keypoints_px = camera.project(joints_cam_mm) + PIXEL_OFFSET
    write_pose_cdf(view_path(root, subject, KEYPOINTS, file_base, camera_id), keypoints_px)


class ViewWriter:
    """Writes the frames of one sequence and camera: video, person masks, and boxes as masks.

        with ViewWriter(root, "S1", "Walking 1", "54138969", fps=50, size_wh=(1000, 1002)) as view:
            view.write(image, mask)

    Leaving the block by an exception leaves no file behind.
    """

    def __init__(
        self,
        root: Path,
        subject: str,
        file_base: str,
        camera_id: str,
        fps: float | Fraction,
        size_wh: tuple[int, int],
        quality: int = 23,
    ) -> None:
        """`fps` in frames per second; `quality` as for `VideoWriter`."""
        self._video = VideoWriter(
            view_path(root, subject, VIDEOS, file_base, camera_id), fps, size_wh, quality
        )
        self._masks = MaskWriter(view_path(root, subject, MASKS, file_base, camera_id))
        self._boxes = MaskWriter(view_path(root, subject, BOXES, file_base, camera_id))

    def __enter__(self) -> "ViewWriter":
        with ExitStack() as stack:
            for writer in (self._video, self._masks, self._boxes):
                stack.enter_context(writer)
            self._writers = stack.pop_all()
        return self

    def write(self, image: UInt8[np.ndarray, "H W 3"], mask: Bool[np.ndarray, "H W"]) -> None:
        """Append a frame: the picture (RGB), and where the person is in it."""
        self._video.write(image)
        self._masks.write(mask)
        self._boxes.write(filled_box(mask))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._writers.__exit__(kind, error, at)


def write_metadata(
    root: Path,
    cameras: Mapping[tuple[str, str], Camera],
    num_frames: Mapping[SequenceKey, int | tuple[int, ...]],
    file_bases: Mapping[SequenceKey, str] | None = None,
) -> None:
    """Write `metadata.xml`, its parts in the release's order and its split the release's own.

    `cameras`: by (subject, camera_id), for every subject in the data set; the intrinsics of a
    camera must be the same for all subjects, since the file has room for one set only.
    `num_frames`: of each sequence written; or of its four videos and of the motion capture at 200
    Hz, where they differ. `file_bases`: of sequences that are not named by `default_file_base`. The
    frames' sizes are those of the cameras. What the data set does not hold is filled in with
    numbers of the same kind (another subject's camera, 0 frames), as the layout has no gaps.
    """
    _refuse_foreign(cameras, num_frames)
    root_element = ElementTree.Element("a")
    _add_table(root_element, "mapping", _mapping_rows(cameras, file_bases or {}))
    blank = [["0"] * (2 + len(SUBJECTS))] * (1 + len(ACTIONS) * len(SUBACTIONS))
    _add_table(root_element, "toffiles", blank)
    _add_table(root_element, "frames", _frame_rows(num_frames))
    ElementTree.SubElement(ElementTree.SubElement(root_element, "skel_angles"), "tree")
    _add_skeleton(ElementTree.SubElement(root_element, "skel_pos"))
    for name, numbers in OWN_SPLIT.items():
        ElementTree.SubElement(root_element, f"{name}_subjects").text = _matrix([numbers])
    ElementTree.SubElement(root_element, "w0").text = _matrix([_camera_numbers(cameras)])
    _add_items(ElementTree.SubElement(root_element, "dbcameras"), "index2id", CAMERA_IDS)
    _add_items(root_element, "actionnames", ACTIONS)
    ElementTree.SubElement(root_element, "subject_measurements").text = "[]"
    ElementTree.indent(root_element)
    with written(root / METADATA, "make room and try again") as temporary:
        ElementTree.ElementTree(root_element).write(
            temporary, encoding="utf-8", xml_declaration=True
        )


def mark_synthetic(root: Path, text: str) -> None:
    """Write the file that says in people's words that this is not the Human3.6M data set."""
    what = "Not the Human3.6M data set: pictures and poses of computer-made people, in its layout."
    words = f"{what}\nWritten by posegrid {__version__}. {text.strip()}\n"
    write_text(root / SYNTHETIC_MARK, words, "make room and try again")


def _refuse_foreign(
    cameras: Mapping[tuple[str, str], Camera], num_frames: Collection[SequenceKey]
) -> None:
    """The layout has 11 subjects, 4 cameras and 16 actions of its own."""
    if not cameras:
        raise OutputError("metadata.xml needs at least one camera.")
    for subject, camera_id in cameras:
        if subject not in SUBJECTS or camera_id not in CAMERA_IDS:
            raise OutputError(
                f"{subject}, camera {camera_id}: the layout has subjects {SUBJECTS[0]} to "
                f"{SUBJECTS[-1]} and cameras "
                f"{', '.join(CAMERA_IDS)}."
            )
    for subject, action, subaction in num_frames:
        if subject not in SUBJECTS or action not in ACTIONS or subaction not in SUBACTIONS:
            raise OutputError(
                f"{subject} {action} {subaction}: the layout has subjects {SUBJECTS[0]} to "
                f"{SUBJECTS[-1]}, subactions "
                f"1 and 2, and actions {', '.join(ACTIONS)}."
            )


def _mapping_rows(
    cameras: Mapping[tuple[str, str], Camera], file_bases: Mapping[SequenceKey, str]
) -> list[list[str]]:
    """35 rows: header, 32 of file base names, names, sizes [rows columns;...] of the cameras."""
    rows = [["Action", "subaction", *SUBJECTS]]
    for number, action in enumerate(ACTIONS, start=1):
        for subaction in SUBACTIONS:
            bases = [
                file_bases.get((subject, action, subaction))
                or default_file_base(action, subaction, subject)
                for subject in SUBJECTS
            ]
            rows.append([str(number), str(subaction), *bases])
    rows.append(["names", "", *SUBJECTS])
    sizes = [
        [_camera(cameras, subject, camera_id).size_wh[::-1] for camera_id in CAMERA_IDS]
        for subject in SUBJECTS
    ]
    rows.append(["", "", *map(_matrix, sizes)])
    return rows


def _frame_rows(num_frames: Mapping[SequenceKey, int | tuple[int, ...]]) -> list[list[str]]:
    """A row per subject: its name, and per action and subaction the frames of 4 videos and of the
    motion capture."""
    rows = []
    for subject in SUBJECTS:
        row = [subject]
        for action in ACTIONS:
            for subaction in SUBACTIONS:
                count = num_frames.get((subject, action, subaction), 0)
                if isinstance(count, int):
                    count = (*[count] * len(CAMERA_IDS), count * MOCAP_FRAMES_PER_POSE)
                row.append(_matrix([count]))
        rows.append(row)
    return rows


def _camera_numbers(cameras: Mapping[tuple[str, str], Camera]) -> list[float]:
    """The numbers of `w0`: extrinsics of each camera for each subject, then intrinsics of each
    camera."""
    numbers: list[float] = []
    for camera_id in CAMERA_IDS:
        for subject in SUBJECTS:
            camera = _camera(cameras, subject, camera_id)
            numbers += [*angles_of_rotation(camera.rot_world_to_cam), *camera.centre_world_mm]
    for camera_id in CAMERA_IDS:
        intrinsics = {
            (*camera.focal_px, *camera.principal_px, *camera.distortion)
            for (_, other), camera in cameras.items()
            if other == camera_id
        }
        if len(intrinsics) > 1:
            raise OutputError(
                f"camera {camera_id} has {len(intrinsics)} different intrinsics, but metadata.xml "
                "has room for one set "
                "for all subjects."
            )
        camera = _camera(cameras, SUBJECTS[0], camera_id)
        principal_px = [value + PIXEL_OFFSET for value in camera.principal_px]
        numbers += [*camera.focal_px, *principal_px, *camera.distortion]
    return [float(number) for number in numbers]


def _camera(cameras: Mapping[tuple[str, str], Camera], subject: str, camera_id: str) -> Camera:
    """The camera for a subject; where the data set has none, the same camera for another subject,
    or any."""
    same = [camera for (_, other), camera in cameras.items() if other == camera_id]
    return cameras.get((subject, camera_id)) or next(iter(same or cameras.values()))


def _add_skeleton(parent: ElementTree.Element) -> None:
    """The 32 joints, in the release's count: ids from 0, but parents, children and columns from
    1."""
    tree = ElementTree.SubElement(parent, "tree")
    for joint, (name, above) in enumerate(zip(HUMAN36M_32_NAMES, HUMAN36M_32_PARENTS, strict=True)):
        children = [child + 1 for child, other in enumerate(HUMAN36M_32_PARENTS) if other == joint]
        item = ElementTree.SubElement(tree, "item")
        ElementTree.SubElement(item, "id").text = str(joint)
        ElementTree.SubElement(item, "name").text = "Site" if name.endswith("Site") else name
        ElementTree.SubElement(item, "parent").text = str(above + 1)
        ElementTree.SubElement(item, "children").text = _matrix([children])
        ElementTree.SubElement(item, "posInd").text = _matrix(
            [[3 * joint + 1, 3 * joint + 2, 3 * joint + 3]]
        )


def _add_table(parent: ElementTree.Element, name: str, rows: Iterable[Iterable[str]]) -> None:
    table = ElementTree.SubElement(parent, name)
    for row in rows:
        tr = ElementTree.SubElement(table, "tr")
        for cell in row:
            ElementTree.SubElement(tr, "td").text = cell or None


def _add_items(parent: ElementTree.Element, name: str, texts: Iterable[str]) -> None:
    items = ElementTree.SubElement(parent, name)
    for text in texts:
        ElementTree.SubElement(items, "item").text = text


def _matrix(rows: Iterable[Iterable[float]]) -> str:
    """MATLAB's notation, e.g. "[1 2;3 4]": single spaces, as public readers split at each of
    them."""
    return "[" + ";".join(" ".join(f"{number}" for number in row) for row in rows) + "]"
