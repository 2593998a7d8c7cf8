"""A camera's intrinsics from a file: posegrid's own, OpenCV's (JSON, YAML), ROS', or Human3.6M's
metadata.xml."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from posegrid.body.camera import OPENCV_TANGENTIAL, Camera
from posegrid.datasets import folder
from posegrid.datasets.human36m.metadata import load_metadata
from posegrid.errors import SettingsError, SourceError
from posegrid.untrusted import DAMAGED, from_json, from_yaml, text_of, whole_number

MATRIX_KEYS = ("K", "camera_matrix", "cameraMatrix", "Camera_Matrix", "intrinsic_matrix", "mtx")
DISTORTION_KEYS = (
    *(
        "dist",
        "distortion_coefficients",
        "Distortion_Coefficients",
        "dist_coeffs",
        "dist_coeff",
        "distCoeffs",
    ),
    "D",
)
WIDTH_KEYS, HEIGHT_KEYS = (
    ("width", "image_width", "image_Width"),
    ("height", "image_height", "image_Height"),
)
MOST_BYTES, MOST_NUMBERS, MOST_SIDE = 1_000_000, 14, 10**6
SHORTEST, LONGEST = 0.1, 20.0
"""Focal lengths in widths of the picture: angles of view of 157 and 2.9 degrees."""
MOST_SKEW = 0.01
"""Share of the focal length."""
OFF_CENTRE = 0.25
"""A principal point so far off, in sides of the picture, is of a picture of another size, unless
the file states the size."""
PLAIN_MODELS = ("plumb_bob", "pinhole", "opencv", "rational_polynomial")

Entry = dict[Any, Any]
"""What a file says of one camera; in YAML a key may be anything."""


def load_camera(path: Path, video: Path, size_wh: tuple[int, int]) -> Camera:
    """The intrinsics in a camera file, for pictures of a size; the camera stands at the origin.

    JSON or YAML (also as OpenCV's FileStorage writes it): a matrix K (camera_matrix, mtx; 3 x 3,
    pixels) and, if the lens distorts, dist (dist_coeffs, distortion_coefficients) in OpenCV's order
    k1 k2 p1 p2 k3. A list of cameras, or an object of named ones, must have one with the video's
    name (`name` or `video`). Width and height, if given, must be the video's. Without them the
    principal point must lie near the middle. Human3.6M's
    metadata.xml: the camera whose number is in the video's name ("Walking 1.54138969.mp4"). Also
    the file that `prepare` reads beside a video (focal_px, principal_px, size_wh;
    docs/own-data.md). Raises SourceError for an unreadable file, SettingsError if it does not fit
    the video.
    """
    if path.suffix.lower() == ".xml":
        return _of_release(path, video, size_wh)
    content = _content(path)
    if isinstance(content, dict) and "focal_px" in content:
        return _of_folder(path, size_wh)
    entry = _of_video(content, path, video)
    K, (k1, k2, p1, p2, k3) = _matrix(entry, path), _distortion(entry, path)
    stated = _stated_size(entry, path)
    if stated is not None:
        _check_size(path, stated, size_wh)
    _check_lens(path, K, size_wh, is_size_stated=stated is not None)
    # OpenCV counts from the centre of the first pixel, posegrid from its corner: within what a
    # calibration can tell.
    focal_px, principal_px = (float(K[0, 0]), float(K[1, 1])), (float(K[0, 2]), float(K[1, 2]))
    return Camera(
        focal_px, principal_px, size_wh, (k1, k2, k3, p1, p2), tangential=OPENCV_TANGENTIAL
    )


def _of_folder(path: Path, size_wh: tuple[int, int]) -> Camera:
    """The lens of a camera file as `prepare` reads it beside a video (docs/own-data.md)."""
    camera = folder.load_own_camera(path)
    _check_size(path, camera.size_wh, size_wh)
    return Camera(camera.focal_px, camera.principal_px, size_wh, camera.distortion)


def _of_release(path: Path, video: Path, size_wh: tuple[int, int]) -> Camera:
    metadata = load_metadata(path)
    named = [camera_id for camera_id in metadata.camera_ids if camera_id in video.name]
    if len(named) != 1:
        raise SettingsError(
            f"{path} has the cameras {', '.join(metadata.camera_ids)}; expected one of them in the video's name "
            f"({video.name}), as in 'Walking 1.{metadata.camera_ids[0]}.mp4'."
        )
    # A camera's lens is the same for all subjects; where it stood for one of them plays no part
    # here.
    camera = metadata.camera(metadata.subjects[0], named[0], size_wh)
    return Camera(camera.focal_px, camera.principal_px, size_wh, camera.distortion)


def _stated_size(entry: Entry, path: Path) -> tuple[int, int] | None:
    """Width and height that the file states, None where it lacks one."""
    said = [_first(entry, keys, None) for keys in (WIDTH_KEYS, HEIGHT_KEYS)]
    if None in said:
        return None
    try:
        sides = [int(side) if isinstance(side, str) else side for side in said]
        width, height = (whole_number(side, "a side", 1, MOST_SIDE) for side in sides)
    except DAMAGED as error:
        raise SourceError(f"{path}: expected width and height as whole numbers of px.") from error
    return width, height


def _check_lens(
    path: Path, K: np.ndarray, size_wh: tuple[int, int], *, is_size_stated: bool
) -> None:
    """Raise SettingsError for a lens that no picture of the size can have: one of another size, or
    normalised."""
    (width, height), (fx, fy), (cx, cy) = size_wh, np.diag(K)[:2], K[:2, 2]
    video = f"the video is {width} x {height}"
    if max(fx, fy) < 25 and min(cx, cy) >= 0 and max(cx, cy) <= 1:
        raise SettingsError(
            f"{path}: K is normalised to a picture of 1 x 1 (fx {fx:g}, cx {cx:g}), {video}: give it "
            f"in pixels, the first row times {width}, the second times {height}."
        )
    if not SHORTEST * width <= min(fx, fy) <= max(fx, fy) <= LONGEST * max(size_wh):
        raise SettingsError(
            f"{path}: the focal lengths are {fx:g} and {fy:g} px, {video}; expected "
            f"{SHORTEST * width:g} to {LONGEST * max(size_wh):g}. Give K in pixels of this video."
        )
    off = max(abs(cx / width - 0.5), abs(cy / height - 0.5))
    if off > 0.5 or (off >= OFF_CENTRE and not is_size_stated):
        raise SettingsError(
            f"{path}: the principal point ({cx:g}, {cy:g}) lies {'outside' if off > 0.5 else 'far from the middle of'} "
            f"the picture, {video}: K is of a picture of about {2 * cx:.0f} x {2 * cy:.0f}. Scale K to this "
            "video"
            + (
                "."
                if off > 0.5
                else ", or state width and height, if its lens is meant to be off the middle."
            )
        )


def _check_size(path: Path, stated: tuple[int, int], size_wh: tuple[int, int]) -> None:
    if stated != size_wh:
        raise SettingsError(
            f"{path} is for pictures of {stated[0]} x {stated[1]}, the video has {size_wh[0]} x {size_wh[1]}: "
            "give the camera as it was for this video."
        )


def _content(path: Path) -> Any:
    """What JSON or YAML says; also with the head line and tags of OpenCV, which YAML's standard does
    not know."""
    if not path.exists():
        raise SourceError(f"{path}: there is no such camera file.")
    is_yaml = path.suffix.lower() in (".yaml", ".yml")
    try:
        text = text_of(path, MOST_BYTES)
        if not is_yaml:
            return from_json(text)
        plain = re.sub(r"^%YAML[^\n]*\n(?:---[^\n]*\n)?", "", text)
        return from_yaml(re.sub(r"!!opencv-\w+", "", plain))
    except DAMAGED as error:
        raise SourceError(
            f"{path}: cannot be read as {'YAML' if is_yaml else 'JSON'} ({error})."
        ) from error


def _of_video(content: Any, path: Path, video: Path) -> Entry:
    """The entry of the video's camera."""
    if isinstance(content, dict) and not any(key in content for key in MATRIX_KEYS):
        cameras = {name: entry for name, entry in content.items() if isinstance(entry, dict)}
        if any(key in entry for entry in cameras.values() for key in MATRIX_KEYS):
            content = [{"name": name, **entry} for name, entry in cameras.items()]
    entries = content if isinstance(content, list) else [content]
    if not entries or not all(isinstance(entry, dict) for entry in entries):
        raise SourceError(f"{path}: expected one camera (an object with K) or a list of them.")
    if len(entries) == 1:
        return entries[0]
    named = [
        entry
        for entry in entries
        if entry.get("name") == video.stem or entry.get("video") == video.name
    ]
    if len(named) != 1:
        names = ", ".join(str(entry.get("name", entry.get("video", "?"))) for entry in entries)
        raise SettingsError(
            f"{path} has the cameras {names}; expected one of them to be named {video.stem}."
        )
    return named[0]


def _matrix(entry: Entry, path: Path) -> np.ndarray:
    try:
        K = _numbers(_first(entry, MATRIX_KEYS, None))
    except DAMAGED as error:
        names = ", ".join(MATRIX_KEYS[1:])
        raise SourceError(
            f"{path}: expected K (3 x 3 numbers, pixels), also called {names}."
        ) from error
    K = K.reshape(3, 3) if K.size == 9 else K
    if K.shape != (3, 3) or not (K[0, 0] > 0 and K[1, 1] > 0 and np.isfinite(K).all()):
        raise SourceError(
            f"{path}: K is {K.tolist()}, expected 3 x 3 numbers with positive focal lengths."
        )
    if not np.allclose(K / K[0, 0], np.triu(K) / K[0, 0], atol=1e-6) or not np.isclose(K[2, 2], 1):
        raise SourceError(
            f"{path}: K is {K.tolist()}, expected 0 below its diagonal and 0 0 1 last."
        )
    if abs(K[0, 1]) > MOST_SKEW * K[0, 0]:
        raise SourceError(
            f"{path}: K has the skew {K[0, 1]:g} px; expected 0: calibrate without it."
        )
    return K


def _distortion(entry: Entry, path: Path) -> tuple[float, float, float, float, float]:
    """k1 k2 p1 p2 k3; those that are not given are 0."""
    model = str(entry.get("distortion_model", "opencv")).lower()
    if model not in PLAIN_MODELS:
        raise SourceError(
            f"{path}: the lens model {model!r} is unknown; expected {', '.join(PLAIN_MODELS)}."
        )
    try:
        numbers = _numbers(_first(entry, DISTORTION_KEYS, [])).ravel()
    except DAMAGED as error:
        raise SourceError(f"{path}: expected dist as numbers, k1 k2 p1 p2 k3.") from error
    if not np.isfinite(numbers).all() or numbers[5:].any():
        raise SourceError(
            f"{path}: dist is {numbers.tolist()}; expected at most five finite numbers k1 k2 p1 p2 k3 (calibrate "
            "without CALIB_RATIONAL_MODEL, thin prisms and tilt)."
        )
    k1, k2, p1, p2, k3 = (float(v) for v in (*numbers[:5], *[0.0] * 5)[:5])
    return k1, k2, p1, p2, k3


def _numbers(value: Any) -> np.ndarray:
    """A list of numbers or of lists of them, or OpenCV's object with rows, cols and data. Raises
    TypeError or ValueError for anything else."""
    rows = None
    if isinstance(value, dict):
        value, rows = value.get("data"), value.get("rows", -1)
    if not isinstance(value, list) or len(value) > MOST_NUMBERS:
        raise TypeError("no short list of numbers")
    inner = [row if isinstance(row, list) else [row] for row in value]
    if any(len(row) > MOST_NUMBERS or not all(map(_is_number, row)) for row in inner):
        raise TypeError("no numbers")
    numbers = np.array(value, dtype=np.float64)
    return (
        numbers
        if rows is None
        else numbers.reshape(whole_number(rows, "rows", 1, MOST_NUMBERS), -1)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _first(entry: Entry, keys: tuple[str, ...], default: Any) -> Any:
    """What stands under the first of the keys that there is."""
    return next((entry[key] for key in keys if key in entry), default)
