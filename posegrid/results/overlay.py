"""What people look at after `posegrid predict`: the video with the skeleton on it, and a picture of
a dozen frames.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from posegrid.body.formats.viewer import levelling_rotation
from posegrid.body.track import Track
from posegrid.results.draw import draw_keypoints, draw_pose_3d, save_png
from posegrid.video.video import VideoFrame
from posegrid.video.writer import VideoWriter

LONGER_SIDE_PX = 1280
"""Larger videos are drawn at this size."""
INSET_SHARE = 0.34
"""Side of the picture in space, as a share of the overlay's shorter side."""
NUM_CONTACT, CONTACT_COLUMNS, CONTACT_HEIGHT_PX = 12, 6, 360
CONTACT_MARGIN = 0.15


def write_overlay(
    path: Path, frames: Iterable[VideoFrame], track: Track
) -> list[UInt8[np.ndarray, "_ _ 3"]]:
    """Write the video (.mp4), or of one frame the picture (.png), with the skeleton and the pose in
    space in a corner.

    Returns about a dozen of its frames, cut out round the person, for the contact picture. Raises
    OutputError.
    """
    width, height = track.camera.size_wh
    scale = min(1.0, LONGER_SIDE_PX / max(width, height))
    size = (round(width * scale), round(height * scale))
    contact: list[np.ndarray] = []
    drawn = _drawn(frames, track, scale, size, contact)
    if path.suffix == ".png":
        save_png(path, next(drawn)[1])
        return contact
    with VideoWriter(path, track.fps, size, preset="superfast") as video:
        for time_s, image in drawn:
            video.write(image, time_s)
    return contact


def _drawn(
    frames: Iterable[VideoFrame],
    track: Track,
    scale: float,
    size: tuple[int, int],
    contact: list[np.ndarray],
) -> Iterator[tuple[float, UInt8[np.ndarray, "_ _ 3"]]]:
    """Time since the first frame, and the frame at the given size with all that is drawn on it;
    some go to contact.
    """
    found = np.flatnonzero(track.found)
    wanted = {
        int(found[i])
        for i in np.linspace(0, len(found) - 1, min(NUM_CONTACT, len(found))).round().astype(int)
    }
    level = levelling_rotation(track.joints_mm[found].astype(np.float64))
    joints_mm, keypoints_px = track.joints_and_feet_mm, track.keypoints_and_feet_px
    heights_mm = (joints_mm[found] @ level.T)[..., 1]
    ground_mm = float(np.median(np.nanmax(heights_mm, axis=1)))
    for row, frame in enumerate(frames):
        fits = frame.picture.size_wh == size
        image = frame.image if fits else frame.picture.scaled_rgb(size)
        if track.found[row]:
            image = draw_keypoints(image, keypoints_px[row].astype(np.float64) * scale)
            if row in wanted:
                contact.append(_cut_out(image, track, row, scale))
            pose = joints_mm[row].astype(np.float64) @ level.T
            side = int(INSET_SHARE * min(size))
            _inset(image, draw_pose_3d(pose, side, ground_mm=ground_mm), track, row)
        yield float(frame.time_s - track.time_s[0]), image


def write_contact_picture(path: Path, pictures: list[UInt8[np.ndarray, "_ _ 3"]]) -> None:
    """Write pictures of one height side by side, six in a row. Raises OutputError."""
    if not pictures:
        return
    width = max(picture.shape[1] for picture in pictures)
    rows = -(-len(pictures) // CONTACT_COLUMNS)
    sheet = np.full(
        (rows * (CONTACT_HEIGHT_PX + 4), min(CONTACT_COLUMNS, len(pictures)) * (width + 4), 3),
        255,
        np.uint8,
    )
    for number, picture in enumerate(pictures):
        y = number // CONTACT_COLUMNS * (CONTACT_HEIGHT_PX + 4)
        x = number % CONTACT_COLUMNS * (width + 4) + (width - picture.shape[1]) // 2
        sheet[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    save_png(path, sheet)


def _inset(image: np.ndarray, picture: np.ndarray, track: Track, row: int) -> None:
    """Put the picture into the upper corner that is farther from the person."""
    x0, _, x1, _ = track.box_xyxy[row]
    side = picture.shape[0]
    if x0 + x1 < track.camera.size_wh[0]:
        image[:side, -side:] = picture
    else:
        image[:side, :side] = picture


def _cut_out(image: np.ndarray, track: Track, row: int, scale: float) -> np.ndarray:
    """The person with some room, CONTACT_HEIGHT_PX high, with the time written on it."""
    x0, y0, x1, y1 = track.box_xyxy[row].astype(float) * scale
    room = CONTACT_MARGIN * max(x1 - x0, y1 - y0)
    half = max((x1 - x0) / 2, (y1 - y0) / 4) + room
    middle = (x0 + x1) / 2
    part = Image.fromarray(image).crop(
        (int(middle - half), int(y0 - room), int(middle + half), int(y1 + room))
    )
    width = max(1, round(part.width * CONTACT_HEIGHT_PX / part.height))
    part = part.resize((width, CONTACT_HEIGHT_PX), Image.Resampling.BICUBIC)
    ImageDraw.Draw(part).text(
        (6, 4),
        f"{track.time_s[row]:.2f} s",
        fill=(255, 255, 255),
        stroke_width=1,
        stroke_fill=(0, 0, 0),
    )
    return np.asarray(part)
