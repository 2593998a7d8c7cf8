"""A camera's intrinsics from a file: posegrid's own, OpenCV's (JSON, YAML), ROS', or Human3.6M's
metadata.xml.
"""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np

from posegrid.body.camera import OPENCV_TANGENTIAL, Camera
from posegrid.datasets import folder
from posegrid.datasets.human36m.metadata import load_metadata
from posegrid.errors import SettingsError, SourceError

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
PLAIN_MODELS = ("plumb_bob", "pinhole", "opencv", "rational_polynomial")


def load_camera(path: Path, video: Path, size_wh: tuple[int, int]) -> Camera:
    """The intrinsics in a camera file, for pictures of a size; the camera stands at the origin.

    JSON or YAML (also as OpenCV's FileStorage writes it): a matrix K (camera_matrix, mtx; 3 x 3,
    pixels) and, if the lens distorts, dist (dist_coeffs, distortion_coefficients) in OpenCV's order
    k1 k2 p1 p2 k3. A list of cameras, or an object of named ones, must have one with the video's
    name (`name` or `video`). Width and height, if given, must be the video's. Human3.6M's
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
    stated = (_first(entry, WIDTH_KEYS, size_wh[0]), _first(entry, HEIGHT_KEYS, size_wh[1]))
    _check_size(path, stated, size_wh)
    # OpenCV counts from the centre of the first pixel, posegrid from its corner: within what a
    # calibration can tell.
    focal_px, principal_px = (float(K[0, 0]), float(K[1, 1])), (float(K[0, 2]), float(K[1, 2]))
    return Camera(
        focal_px, principal_px, size_wh, (k1, k2, k3, p1, p2), tangential=OPENCV_TANGENTIAL
    )


def _of_folder(path: Path, size_wh: tuple[int, int]) -> Camera:
    """The lens of a camera file as `prepare` reads it beside a video (docs/own-data.md)."""
    camera = folder.load_camera(path)
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


def _check_size(path: Path, stated: tuple[int, int], size_wh: tuple[int, int]) -> None:
    if stated != size_wh:
        raise SettingsError(
            f"{path} is for pictures of {stated[0]} x {stated[1]}, the video has {size_wh[0]} x {size_wh[1]}: "
            "give the camera as it was for this video."
        )


def _content(path: Path) -> Any:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise SourceError(f"{path}: there is no such camera file.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: cannot be read as text ({error}).") from error
    if path.suffix.lower() in (".yaml", ".yml"):
        return _yaml(text, path)
    try:
        return json.loads(text)
    except ValueError as error:
        raise SourceError(f"{path}: cannot be read as JSON ({error}).") from error


def _yaml(text: str, path: Path) -> Any:
    """YAML, also with the head line and tags of OpenCV, which the standard does not know."""
    import yaml

    plain = re.sub(r"^%YAML[^\n]*\n(?:---[^\n]*\n)?", "", text)
    plain = re.sub(r"!!opencv-\w+", "", plain)
    try:
        return yaml.safe_load(plain)
    except yaml.YAMLError as error:
        raise SourceError(f"{path}: cannot be read as YAML ({error}).") from error


def _of_video(content: Any, path: Path, video: Path) -> dict[str, Any]:
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


def _matrix(entry: dict[str, Any], path: Path) -> np.ndarray:
    try:
        K = _numbers(_first(entry, MATRIX_KEYS, None))
    except (TypeError, ValueError) as error:
        names = ", ".join(MATRIX_KEYS[1:])
        raise SourceError(
            f"{path}: expected K (3 x 3 numbers, pixels), also called {names}."
        ) from error
    K = K.reshape(3, 3) if K.size == 9 else K
    if K.shape != (3, 3) or not (K[0, 0] > 0 and K[1, 1] > 0 and np.isfinite(K).all()):
        raise SourceError(
            f"{path}: K is {K.tolist()}, expected 3 x 3 numbers with positive focal lengths."
        )
    return K


def _distortion(entry: dict[str, Any], path: Path) -> tuple[float, float, float, float, float]:
    """k1 k2 p1 p2 k3; those that are not given are 0."""
    model = str(entry.get("distortion_model", "opencv")).lower()
    if model not in PLAIN_MODELS:
        raise SourceError(
            f"{path}: the lens model {model!r} is unknown; expected {', '.join(PLAIN_MODELS)}."
        )
    try:
        numbers = _numbers(_first(entry, DISTORTION_KEYS, [])).ravel()
    except (TypeError, ValueError) as error:
        raise SourceError(f"{path}: expected dist as numbers, k1 k2 p1 p2 k3.") from error
    if not np.isfinite(numbers).all() or numbers[5:].any():
        raise SourceError(
            f"{path}: dist is {numbers.tolist()}; expected at most five finite numbers k1 k2 p1 p2 k3 (calibrate "
            "without CALIB_RATIONAL_MODEL, thin prisms and tilt)."
        )
    k1, k2, p1, p2, k3 = (float(v) for v in (*numbers[:5], *[0.0] * 5)[:5])
    return k1, k2, p1, p2, k3


def _numbers(value: Any) -> np.ndarray:
    """A list, or OpenCV's object with rows, cols and data. Raises TypeError or ValueError for
    anything else.
    """
    if isinstance(value, dict):
        value = np.array(value.get("data"), dtype=np.float64).reshape(
            value.get("rows", -1), value.get("cols", -1)
        )
    if value is None:
        raise TypeError("no numbers")
    return np.asarray(value, dtype=np.float64)


def _first(entry: dict[str, Any], keys: tuple[str, ...], default: Any) -> Any:
    """What stands under the first of the keys that there is."""
    return next((entry[key] for key in keys if key in entry), default)
