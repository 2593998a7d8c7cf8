"""A page that shows motions in space, beside their video: turn them with the mouse, play, scrub,
measure. One file, no network, no library.

Colours tell the sides apart for the colour-blind, too (blue and vermillion of Okabe & Ito, 2008):
the person's left is blue, right is orange, the middle is grey.
"""

import base64
import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files

import numpy as np
from jaxtyping import Float, Int

from posegrid.body.contacts import Contact, as_json
from posegrid.body.rotations import smallest_rotations
from posegrid.body.skeleton import BONES_21, HUMAN36M_21, JOINT_NAMES, NUM_JOINTS, ROOT, side_of
from posegrid.errors import OutputError

Colour = tuple[int, int, int]

LEFT: Colour = (0, 114, 178)
RIGHT: Colour = (213, 94, 0)
MIDDLE: Colour = (95, 95, 105)


def colour_of(joint: int) -> Colour:
    """The colour of a joint, and of the bone that ends there."""
    return {"left": LEFT, "right": RIGHT, "middle": MIDDLE}[side_of(joint)]


def levelling_rotation(poses_mm: Float[np.ndarray, "N 17 3"]) -> Float[np.ndarray, "3 3"]:
    """The rotation that puts a tilted camera's people upright: `poses_mm @ R.T`.

    Upright is the mean direction from between the ankles to the thorax over all the poses: exact
    for no single one, good over the frames of a walk, and only meant for drawing.
    """
    names = JOINT_NAMES
    feet = (poses_mm[:, names.index("left_ankle")] + poses_mm[:, names.index("right_ankle")]) / 2
    upward = poses_mm[:, names.index("thorax")] - feet
    mean = np.nanmean(upward, axis=0) if np.isfinite(upward).any() else np.array([0.0, -1.0, 0.0])
    if np.linalg.norm(mean) == 0 or mean[1] >= 0:
        return np.eye(3)
    return smallest_rotations(mean.astype(np.float64), np.array([0.0, -1.0, 0.0]))


PROGRAMS = ("viewer.js", "viewer_edits.js")
"""What the page runs, in this order."""
MISSING, LARGEST = -32768, 32000
"""Of 16-bit numbers: what stands for none, and the largest that is used."""


@dataclass(frozen=True, eq=False)
class ViewerFigure:
    """One person as the viewer shows them, over the scene's T frames."""

    joints_mm: Float[np.ndarray, "T J 3"]
    """Camera frame, relative to the pelvis, as in a Track: the 17 joints, or the 21 with feet."""
    root_mm: Float[np.ndarray, "T 3"]
    keypoints_px: Float[np.ndarray, "T J 2"] | None = None
    """For the skeleton on the video."""
    sigma_mm: Float[np.ndarray, "T 17"] | None = None
    angles_deg: Mapping[str, Float[np.ndarray, "T"]] = field(default_factory=dict)
    """Curves under the time line, by names such as left_knee_flexion_deg; all figures of a scene
    have the same.
    """
    is_true: bool = False
    """The true pose, drawn thin beside the estimate."""
    number: int = 1
    """Of the person, among the scene's."""
    fingerprint: str = ""
    """Of the Track, for edits of it (motion/edits.py); without it there are none."""
    contacts: tuple[Contact, ...] = ()


@dataclass(frozen=True, eq=False)
class ViewerScene:
    """All that a viewer shows."""

    figures: tuple[ViewerFigure, ...]
    """The first is the one whose curves are drawn."""
    frame: Int[np.ndarray, "T"]
    time_s: Float[np.ndarray, "T"]
    source: str
    pinned: bool = False
    """Everybody on the spot."""
    video: str = ""
    """Address of the video whose frames are the T frames, from the page; none: no video."""
    size_wh: tuple[int, int] = (1, 1)
    """Of the pictures that the keypoints are in."""
    edits: tuple[Mapping[str, object], ...] = ()
    """Edits that were made before, as motion/edits.py has them in its file."""
    save: Mapping[str, str] | None = None
    """Where edits are sent to: `address` and `token` of the app; None: they are downloaded."""


def viewer_page(
    joints_mm: Float[np.ndarray, "T J 3"],
    root_mm: Float[np.ndarray, "T 3"],
    frame: Int[np.ndarray, "T"],
    time_s: Float[np.ndarray, "T"],
    source: str,
    *,
    pinned: bool = False,
) -> str:
    """The page's text for one person and no more than their places. Arrays as in a Track. Raises
    OutputError as `scene_page`.
    """
    return scene_page(
        ViewerScene((ViewerFigure(joints_mm, root_mm),), frame, time_s, source, pinned)
    )


def scene_page(scene: ViewerScene, programs: str = "") -> str:
    """The page's text: the scene inside it in whole mm; the program and the style inside it, too,
    or at the address `programs`.

    For the eye, people are put upright and on the ground, in the mean over all frames (a camera's
    tilt is unknown). If the pelvis' place is unknown in every frame, or if `pinned`, they stay on
    the spot and the page says so. Raises OutputError if there is nobody in any frame.
    """
    # Inside a script element "</script" would end it, whatever it stands in.
    content = json.dumps(_content(scene), separators=(",", ":"), allow_nan=False)
    page, style = viewer_file("viewer.html"), viewer_file("viewer.css")
    head = f'<link rel="icon" href="data:,">\n<link rel="stylesheet" href="{programs}/viewer.css">'
    tail = "".join(f'<script src="{programs}/{name}"></script>\n' for name in PROGRAMS)
    if not programs:
        texts = [viewer_file(name) for name in PROGRAMS]
        allowed = " ".join(f"'{_hash(text)}'" for text in texts)
        policy = (
            f"default-src 'none'; script-src {allowed}; style-src '{_hash(style)}'; "
            "media-src 'self' file: blob: data:"
        )
        head = f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        head += f"\n<style>{style}</style>"
        tail = "".join(f"<script>{text}</script>" for text in texts)
    page = page.replace("<!--HEAD-->", head).replace("<!--PROGRAM-->", tail)
    return page.replace("/*SCENE*/", content.replace("<", "\\u003c"))


def viewer_file(name: str) -> str:
    """The text of viewer.html, viewer.css or one of `PROGRAMS`."""
    return (files("posegrid.body.formats") / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """What a page's policy calls a program or style that it allows."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _content(scene: ViewerScene) -> dict[str, object]:
    """What the viewer's program reads."""
    count = max(figure.joints_mm.shape[1] for figure in scene.figures)
    joints = np.concatenate([_padded(figure.joints_mm, count) for figure in scene.figures])
    roots = np.concatenate([figure.root_mm for figure in scene.figures])
    found = np.isfinite(joints[:, :NUM_JOINTS]).all(axis=(1, 2))
    if not found.any():
        raise OutputError(f"{scene.source}: nothing to show: no person was found in any frame.")
    level = levelling_rotation(joints[found, :NUM_JOINTS].astype(np.float64))
    pinned = scene.pinned or not np.isfinite(roots[found]).all(axis=1).any()
    places = joints + (np.zeros_like(roots) if pinned else roots)[:, None]
    upright = _on_ground(places.astype(np.float64) @ level.T)
    each = upright.reshape(len(scene.figures), len(scene.frame), -1)
    return {
        "source": scene.source,
        "joints": HUMAN36M_21.joint_names[:count],
        "bones": [[*bone, side_of(bone[1])] for bone in BONES_21[: count - 1]],
        "frame": scene.frame.tolist(),
        "time_s": [round(time, 4) for time in (scene.time_s - scene.time_s[0]).tolist()],
        "pinned": pinned,
        "video": scene.video,
        "size_wh": scene.size_wh,
        "angles": list(scene.figures[0].angles_deg),
        "edits": scene.edits,
        "save": scene.save,
        "people": [
            _person(figure, places, count)
            for figure, places in zip(scene.figures, each, strict=True)
        ],
    }


def _padded(values: Float[np.ndarray, "T J d"], count: int) -> Float[np.ndarray, "T K d"]:
    """The values of so many joints: NaN for those that are missing."""
    missing = [(0, 0), (0, count - values.shape[1]), (0, 0)]
    return np.pad(values, missing, constant_values=np.nan)


def _person(
    figure: ViewerFigure, places: Float[np.ndarray, "T M"], count: int
) -> dict[str, object]:
    incomplete = ~np.isfinite(places[:, : 3 * NUM_JOINTS]).all(axis=1, keepdims=True)
    keypoints = figure.keypoints_px
    angles = list(figure.angles_deg.values())
    return {
        "is_true": figure.is_true,
        "number": figure.number,
        "fingerprint": figure.fingerprint,
        "contacts": as_json(figure.contacts),
        "places": _packed(np.where(incomplete, np.nan, places), 1),
        "keypoints": _packed(None if keypoints is None else _padded(keypoints, count), 8),
        "sigma": _packed(figure.sigma_mm, 8),
        "angles": _packed(np.stack(angles, axis=1), 64) if angles else None,
    }


def _packed(values: Float[np.ndarray, "T *more"] | None, finest: float) -> dict[str, object] | None:
    """Numbers in steps of 1 / `finest`, or of a coarser power of two where they are large, as the
    program's `unpacked` reads them. None: none are known.
    """
    if values is None or not np.isfinite(values).any():
        return None
    columns = values.reshape(len(values), -1).T.astype(np.float64)
    largest = max(float(np.nanmax(np.abs(columns))), 1e-9)
    scale = min(finest, 2.0 ** np.floor(np.log2(LARGEST / largest)))
    known = np.isfinite(columns)
    whole = np.where(known, np.round(np.where(known, columns, 0) * scale), MISSING)
    changes = np.diff(whole.astype(np.int64), axis=1, prepend=0).astype(np.uint16)
    planes = np.stack([changes & 255, changes >> 8]).astype(np.uint8)
    data = base64.b64encode(zlib.compress(planes.tobytes())).decode()
    return {"scale": float(scale), "data": data}


def _on_ground(places_cam: Float[np.ndarray, "N J 3"]) -> Float[np.ndarray, "N J 3"]:
    """x right, y up, z to the viewer; the ground where the lowest joint mostly is, the middle of
    the way at 0.
    """
    upright = places_cam * np.array([1.0, -1.0, -1.0])
    shift = np.nanmedian(upright[:, ROOT], axis=0)
    with_pose = np.isfinite(upright[:, :NUM_JOINTS]).all(axis=(1, 2))
    shift[1] = np.median(np.nanmin(upright[with_pose, :, 1], axis=1))
    return upright - shift
