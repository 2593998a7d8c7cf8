"""What is seen of a video beside its motion: as every browser plays it, frame for frame that of the
Track; and a picture of each person to choose them by.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from posegrid.files import written
from posegrid.progress import Report, reported
from posegrid.results.pose_model import Watched
from posegrid.video.writer import VideoWriter

LONGER_SIDE_PX, QUALITY, KEY_EVERY = 960, 24, 12
"""A key frame every few frames lets a browser jump to any of them at once."""
FACE_PX = 160
"""Height of a person's picture."""


def write_clip(out: Path, watched: Watched, people: Iterable[int], report: Report) -> None:
    """Write video.mp4, of the frames that were looked at, smaller where they are large, and
    personN.jpg. Raises OutputError.
    """
    track = next(iter(watched.raw.values()))
    if watched.footage is None or len(track) < 2:
        return
    width, height = track.camera.size_wh
    scale = min(1.0, LONGER_SIDE_PX / max(width, height))
    size = (round(width * scale), round(height * scale))
    frames = zip(range(len(track)), watched.footage.frames(), strict=False)
    middle = {number: _middle(watched.raw[number].found) for number in people}
    with VideoWriter(out / "video.mp4", track.fps, size, QUALITY, key_every=KEY_EVERY) as video:
        for row, frame in reported(frames, "Writing the video", len(track), report):
            picture = Image.fromarray(frame.image)
            for number in (number for number, at in middle.items() if at == row):
                box = watched.raw[number].box_xyxy[row]
                _write_person(out / f"person{number}.jpg", picture, box)
            if picture.size != size:
                picture = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
            video.write(np.asarray(picture), float(track.time_s[row] - track.time_s[0]))


def _middle(found: np.ndarray) -> int:
    """The row in the middle of those in which a person was found."""
    rows = np.flatnonzero(found)
    return int(rows[len(rows) // 2])


def _write_person(path: Path, picture: Image.Image, box_xyxy: np.ndarray) -> None:
    x0, y0, x1, y1 = (round(float(side)) for side in box_xyxy)
    cut = picture.crop((x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)))
    cut = cut.resize((max(1, round(cut.width * FACE_PX / cut.height)), FACE_PX))
    with written(path) as temporary:
        cut.save(temporary, format="JPEG")
