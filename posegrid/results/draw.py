"""Pictures of poses, drawn with Pillow: keypoints on a photograph, a pose in space, pictures beside
each other.

Colours are those of `body.formats.viewer`. A true pose that shares a picture with an estimate is a
thin black line. Everything is drawn several times larger and then reduced, which makes smooth
edges.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image, ImageDraw, ImageFont

from posegrid.body.formats.viewer import Colour, colour_of
from posegrid.body.skeleton import BONES_21
from posegrid.files import written

Picture = UInt8[np.ndarray, "_ _ 3"]

TRUTH: Colour = (20, 20, 20)
WHITE: Colour = (255, 255, 255)
INK: Colour = (40, 40, 45)
_GRID: Colour = (196, 201, 209)
_GROUND: Colour = (241, 243, 246)
_SHADOW: Colour = (168, 174, 184)

_OVERSAMPLING = 3
_CELL_MM, _GROUND_HALF_MM, _SCALE_BAR_MM = 250.0, 750.0, 500.0
_SPAN_MM = 2080.0
"""Millimetres from edge to edge of a pose picture: a person of 2 m fits."""


@dataclass(frozen=True)
class Viewpoint:
    """Where a pose picture is seen from, in radians; (0, 0) is what the camera itself sees."""

    azimuth_rad: float = 0.0
    """Turn round the person towards the camera's right: at pi/2 the viewer sees along the camera's
    -x axis.
    """
    elevation_rad: float = 0.26
    """Height: at pi/2 the viewer looks straight down."""

    def rotation(self) -> Float[np.ndarray, "3 3"]:
        """Rotation from the camera frame to the viewer's, whose axes are also right, down and
        forward.
        """
        sa, ca = np.sin(self.azimuth_rad), np.cos(self.azimuth_rad)
        right, down, forward = np.array([ca, 0, sa]), np.array([0.0, 1, 0]), np.array([-sa, 0, ca])
        se, ce = np.sin(self.elevation_rad), np.cos(self.elevation_rad)
        return np.stack([right, ce * down - se * forward, ce * forward + se * down])


FRONT = Viewpoint()
SIDE = Viewpoint(azimuth_rad=1.2)


def draw_keypoints(
    image_rgb: Picture, keypoints_px: Float[np.ndarray, "J 2"], *, line_px: float | None = None
) -> Picture:
    """A copy of the picture with the skeleton on it.

    keypoints_px: pixels of the picture, (0, 0) its top left corner; a joint that is NaN is left out
    with its bones. line_px: width of a bone; by default it follows the skeleton's size.
    """
    known = np.isfinite(keypoints_px.sum(axis=1))
    if not known.any():
        return image_rgb.copy()
    low, high = keypoints_px[known].min(axis=0), keypoints_px[known].max(axis=0)
    line = line_px or float(np.clip(np.max(high - low) / 60, 1.2, 8.0))
    corner = np.maximum(np.floor(low - 4 * line).astype(int), 0)
    end = np.minimum(np.ceil(high + 4 * line).astype(int), image_rgb.shape[1::-1])
    if (end <= corner).any():
        return image_rgb.copy()
    x0, y0, x1, y1 = (int(v) for v in (*corner, *end))
    canvas = _Canvas(image_rgb[y0:y1, x0:x1])
    points = keypoints_px - corner
    for colour, extra in ((WHITE, 0.9 * line), (None, 0.0)):
        for parent, child in BONES_21[: len(points) - 1]:
            if known[parent] and known[child]:
                canvas.line(points[[parent, child]], colour or colour_of(child), line + extra)
        for joint in np.flatnonzero(known):
            canvas.dot(points[joint], 1.1 * line + extra / 2, colour or colour_of(int(joint)))
    picture = image_rgb.copy()
    picture[y0:y1, x0:x1] = canvas.picture()
    return picture


def draw_dot(
    image_rgb: Picture, point_px: Float[np.ndarray, "2"], *, radius_px: float = 2.5
) -> Picture:
    """A copy of the picture with a white dot on it, rimmed in black."""
    canvas = _Canvas(image_rgb)
    canvas.dot(point_px, radius_px + 1, INK)
    canvas.dot(point_px, radius_px, WHITE)
    return canvas.picture()


def draw_pose_3d(
    pose_mm: Float[np.ndarray, "J 3"],
    size_px: int = 256,
    *,
    view: Viewpoint = SIDE,
    true_pose_mm: Float[np.ndarray, "J 3"] | None = None,
    ground_mm: float | None = None,
) -> Picture:
    """A square picture of a pose in space, on a ground grid of 250 mm with the pose's shadow, a
    scale bar and the axes.

    The projection is parallel, so the scale bar holds everywhere. Bones nearer to the viewer are
    wider and drawn last.

    pose_mm: root-relative, camera frame (x right, y down, z forward); NaN joints are left out.
    true_pose_mm: drawn with it in black, for comparison. ground_mm: height (y) of the ground below
    the pelvis; by default the lowest joint. Keep it fixed in a video.
    """
    poses = [pose_mm] if true_pose_mm is None else [true_pose_mm, pose_mm]
    if ground_mm is None:
        heights = np.concatenate([pose[:, 1] for pose in poses])
        ground_mm = float(np.nanmax(heights)) if np.isfinite(heights).any() else 900.0
    canvas = _Canvas(_bare_stage(size_px, view, round(ground_mm)))
    scene = _Scene(canvas, view.rotation(), size_px / _SPAN_MM, size_px)
    for pose in poses:
        scene.shadow(pose, ground_mm)
    scene.skeleton(pose_mm)
    if true_pose_mm is not None:
        scene.thin_skeleton(true_pose_mm)
    return canvas.picture()


def beside(*pictures: Picture, gap_px: int = 8, background: Colour = WHITE) -> Picture:
    """The pictures in a row, centred vertically."""
    height = max(picture.shape[0] for picture in pictures)
    width = sum(picture.shape[1] for picture in pictures) + gap_px * (len(pictures) - 1)
    row = np.empty((height, width, 3), np.uint8)
    row[:] = background
    x = 0
    for picture in pictures:
        y = (height - picture.shape[0]) // 2
        row[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
        x += picture.shape[1] + gap_px
    return row


def below(*pictures: Picture, gap_px: int = 8, background: Colour = WHITE) -> Picture:
    """The pictures in a column, flush left."""
    turned = beside(
        *(picture.transpose(1, 0, 2) for picture in _widened(pictures, background)), gap_px=gap_px
    )
    return np.ascontiguousarray(turned.transpose(1, 0, 2))


def labelled(
    picture: Picture, text: str, *, text_px: float = 14, background: Colour = WHITE
) -> Picture:
    """The picture with lines of text above it."""
    lines = text.split("\n")
    strip = np.empty((int(text_px * 1.45) * len(lines) + 4, picture.shape[1], 3), np.uint8)
    strip[:] = background
    canvas = _Canvas(strip)
    for number, line in enumerate(lines):
        canvas.text(np.array([3.0, 2 + number * text_px * 1.45]), line, text_px, INK)
    return np.concatenate([canvas.picture(), picture])


def enlarged(picture: UInt8[np.ndarray, "*shape"], size_px: int) -> Picture:
    """A grey or RGB picture as RGB, resized so that its longer side has size_px."""
    rgb = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
    scale = size_px / max(rgb.shape[:2])
    width, height = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    return np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.BICUBIC)).copy()


def save_png(path: Path, picture: Picture) -> None:
    """Write the picture; it appears under its name only when complete. Raises OutputError."""
    with written(path) as temporary:
        Image.fromarray(picture).save(temporary, format="PNG")


def _widened(pictures: Sequence[Picture], background: Colour) -> list[Picture]:
    """The pictures padded on the right to the width of the widest."""
    width = max(picture.shape[1] for picture in pictures)
    padded = []
    for picture in pictures:
        wide = np.empty((picture.shape[0], width, 3), np.uint8)
        wide[:] = background
        wide[:, : picture.shape[1]] = picture
        padded.append(wide)
    return padded


class _Canvas:
    """A picture under the brush, enlarged; coordinates and widths are those of the final
    picture.
    """

    def __init__(self, picture: Picture | Image.Image):
        """From a picture, or from the enlarged image of a canvas before (of which it takes a
        copy).
        """
        if isinstance(picture, Image.Image):
            self.image = picture.copy()
        else:
            height, width = picture.shape[:2]
            large = (width * _OVERSAMPLING, height * _OVERSAMPLING)
            self.image = Image.fromarray(picture).resize(large, Image.Resampling.NEAREST)
        self._draw = ImageDraw.Draw(self.image)

    def line(self, points_px: Float[np.ndarray, "2 2"], colour: Colour, width_px: float) -> None:
        """A line with round ends."""
        width = max(1, round(width_px * _OVERSAMPLING))
        self._draw.line([tuple(p) for p in (points_px * _OVERSAMPLING).tolist()], colour, width)
        if width > 3:
            for point in points_px:
                self.dot(point, width_px / 2, colour)

    def dot(self, point_px: Float[np.ndarray, "2"], radius_px: float, colour: Colour) -> None:
        x, y = (point_px * _OVERSAMPLING).tolist()
        radius = radius_px * _OVERSAMPLING
        self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), colour)

    def area(self, points_px: Float[np.ndarray, "n 2"], colour: Colour) -> None:
        self._draw.polygon([tuple(p) for p in (points_px * _OVERSAMPLING).tolist()], colour)

    def text(
        self, corner_px: Float[np.ndarray, "2"], text: str, size_px: float, colour: Colour
    ) -> None:
        """Text whose top left corner is given, in the font that comes with Pillow."""
        font = ImageFont.load_default(size_px * _OVERSAMPLING)
        self._draw.text(tuple((corner_px * _OVERSAMPLING).tolist()), text, colour, font)

    def picture(self) -> Picture:
        return np.asarray(self.image.reduce(_OVERSAMPLING)).copy()


@lru_cache(maxsize=8)
def _bare_stage(size_px: int, view: Viewpoint, ground_mm: int) -> Image.Image:
    """Ground, scale bar and axes without anybody, enlarged; kept, because all frames of a video
    share it.
    """
    canvas = _Canvas(np.full((size_px, size_px, 3), 255, np.uint8))
    scene = _Scene(canvas, view.rotation(), size_px / _SPAN_MM, size_px)
    scene.ground(float(ground_mm))
    scene.scale_bar()
    scene.axes()
    return canvas.image


@dataclass(frozen=True)
class _Scene:
    """What stands in a pose picture, drawn onto its canvas."""

    canvas: _Canvas
    rotation: Float[np.ndarray, "3 3"]
    px_per_mm: float
    size_px: int

    def _placed(self, points_mm: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
        """Pixels, and as third coordinate the depth in mm."""
        seen = points_mm @ self.rotation.T
        middle = np.array([0.5, 0.455]) * self.size_px
        return np.concatenate([seen[..., :2] * self.px_per_mm + middle, seen[..., 2:]], axis=-1)

    def _pixels(self, points_mm: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 2"]:
        return self._placed(points_mm)[..., :2]

    def ground(self, ground_mm: float) -> None:
        reach, line = _GROUND_HALF_MM, max(0.6, self.size_px / 400)
        corners = [
            [x, ground_mm, z]
            for x, z in ((-reach, -reach), (reach, -reach), (reach, reach), (-reach, reach))
        ]
        self.canvas.area(self._pixels(np.array(corners)), _GROUND)
        for at in np.arange(-reach, reach + 1, _CELL_MM):
            self.canvas.line(
                self._pixels(np.array([[at, ground_mm, -reach], [at, ground_mm, reach]])),
                _GRID,
                line,
            )
            self.canvas.line(
                self._pixels(np.array([[-reach, ground_mm, at], [reach, ground_mm, at]])),
                _GRID,
                line,
            )

    def shadow(self, pose_mm: Float[np.ndarray, "J 3"], ground_mm: float) -> None:
        """The pose as a lamp straight above would throw it: where on the ground each part is."""
        flat = pose_mm.copy()
        flat[:, 1] = np.where(np.isfinite(flat[:, 1]), ground_mm, np.nan)
        self._bones(self._placed(flat), _SHADOW, self.size_px / 90, halo=False)

    def skeleton(self, pose_mm: Float[np.ndarray, "J 3"]) -> None:
        self._bones(self._placed(pose_mm), None, self.size_px / 58, halo=True)

    def thin_skeleton(self, pose_mm: Float[np.ndarray, "J 3"]) -> None:
        self._bones(self._placed(pose_mm), TRUTH, max(0.9, self.size_px / 190), halo=False)

    def _bones(
        self,
        placed: Float[np.ndarray, "J 3"],
        colour: Colour | None,
        width_px: float,
        *,
        halo: bool,
    ) -> None:
        known = np.isfinite(placed.sum(axis=1))
        depth_mm = placed[:, 2].tolist()
        bones = BONES_21[: len(placed) - 1]
        bones = [(parent, child) for parent, child in bones if known[parent] and known[child]]
        for parent, child in sorted(bones, key=lambda bone: -depth_mm[bone[0]] - depth_mm[bone[1]]):
            nearness = min(max(-(depth_mm[parent] + depth_mm[child]) / 1000, -1.0), 1.0)
            width = width_px * (1 + 0.3 * nearness)
            ends = placed[[parent, child], :2]
            if halo:
                self.canvas.line(ends, WHITE, 1.7 * width)
            self.canvas.line(ends, colour or colour_of(child), width)
            self.canvas.dot(ends[1], 0.75 * width, colour or colour_of(child))

    def scale_bar(self) -> None:
        length, line = _SCALE_BAR_MM * self.px_per_mm, max(1.0, self.size_px / 220)
        left, bottom = 0.04 * self.size_px, 0.965 * self.size_px
        self.canvas.line(np.array([[left, bottom], [left + length, bottom]]), INK, line)
        for x in (left, left + length):
            self.canvas.line(np.array([[x, bottom - 2 * line], [x, bottom + 2 * line]]), INK, line)
        text_px = max(9.0, self.size_px / 26)
        self.canvas.text(
            np.array([left, bottom - 1.6 * text_px]), f"{_SCALE_BAR_MM:.0f} mm", text_px, INK
        )

    def axes(self) -> None:
        """The camera's x, y and z, in the lower right corner."""
        origin, length = np.array([0.87, 0.87]) * self.size_px, 0.06 * self.size_px
        text_px = max(9.0, self.size_px / 26)
        for name, axis in zip("xyz", self.rotation.T, strict=True):
            tip = origin + axis[:2] * length
            self.canvas.line(np.stack([origin, tip]), INK, max(1.0, self.size_px / 250))
            corner = origin + axis[:2] * (length + 0.6 * text_px) - np.array([0.3, 0.6]) * text_px
            self.canvas.text(corner, name, text_px, INK)
