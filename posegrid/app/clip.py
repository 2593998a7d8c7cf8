"""The video beside the motion, as every browser plays it: frame for frame that of the Track."""

from pathlib import Path

import numpy as np
from PIL import Image

from posegrid.progress import Report, reported
from posegrid.results.pose_model import Watched
from posegrid.video.writer import VideoWriter

LONGER_SIDE_PX, QUALITY, KEY_EVERY = 960, 24, 12
"""A key frame every few frames lets a browser jump to any of them at once."""


def write_clip(path: Path, watched: Watched, report: Report) -> None:
    """Write the frames that were looked at, smaller where they are large. Raises OutputError."""
    track = next(iter(watched.raw.values()))
    if watched.footage is None or len(track) < 2:
        return
    width, height = track.camera.size_wh
    scale = min(1.0, LONGER_SIDE_PX / max(width, height))
    size = (round(width * scale), round(height * scale))
    frames = zip(track.time_s, watched.footage.frames(), strict=False)
    with VideoWriter(path, track.fps, size, QUALITY, key_every=KEY_EVERY) as video:
        for time_s, frame in reported(frames, "Writing the video", len(track), report):
            picture = Image.fromarray(frame.image)
            if picture.size != size:
                picture = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
            video.write(np.asarray(picture), float(time_s - track.time_s[0]))
