"""A small recording of one's own for `scripts/torture.py`."""

import json
from pathlib import Path

import numpy as np

from posegrid.body.skeleton import JOINT_NAMES
from posegrid.video.writer import VideoWriter


def write_recording(folder: Path) -> None:
    """A grey square that moves, its camera and its poses: nothing here looks at the pictures."""
    folder.mkdir(parents=True)
    with VideoWriter(folder / "a.mp4", 25, (320, 300)) as video:
        for frame in range(40):
            image = np.full((300, 320, 3), 60, np.uint8)
            image[40:260, 100 + frame : 180 + frame] = 190
            video.write(image)
    camera = {"focal_px": [400, 400], "principal_px": [160, 150], "size_wh": [320, 300]}
    (folder / "a.json").write_text(json.dumps(camera))
    names = [f"{joint}_{axis}" for joint in JOINT_NAMES for axis in "xyz"]
    rng = np.random.default_rng(0)
    pose = rng.normal(0, 250, (17, 3)) + [0, 0, 3000]
    rows = [pose + [4 * frame, 0, 0] for frame in range(40)]
    text = "\n".join([",".join(names), *(",".join(map(str, row.ravel())) for row in rows)])
    (folder / "a.poses.csv").write_text(text + "\n")
