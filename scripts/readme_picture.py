"""Makes the moving picture at the top of the README: a rendered walker, the skeleton that `predict`
finds on the video, and the same pose in space.

    python scripts/readme_picture.py                    # docs/images/walk.webp, some two minutes
"""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

import posegrid
from posegrid.body.formats.viewer import levelling_rotation
from posegrid.cli import run
from posegrid.results.draw import beside, draw_keypoints, draw_pose_3d
from posegrid.video.video import read_frames

OUT = Path(__file__).parents[1] / "docs" / "images" / "walk.webp"
SIZE_PX, FIRST, COUNT, EVERY = 300, 20, 60, 2
"""Side of each half; frames of the video that are shown, of 50 a second."""


def window_px(box_xyxy: np.ndarray) -> tuple[int, int, int, int]:
    """A square of the picture that holds the person in every frame shown, with some room."""
    x0, y0 = np.nanmin(box_xyxy[FIRST : FIRST + COUNT * EVERY, :2], axis=0)
    x1, y1 = np.nanmax(box_xyxy[FIRST : FIRST + COUNT * EVERY, 2:], axis=0)
    half = 0.55 * max(x1 - x0, y1 - y0)
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return round(x - half), round(y - half), round(x + half), round(y + half)


def main() -> None:
    """Render, predict, draw, write."""
    with TemporaryDirectory() as folder:
        root = Path(folder) / "release"
        rendered = ["synth", str(root), "--layout", "human36m", "--subjects", "S9", "--seed", "5"]
        assert run([*rendered, "--frames", "160", "--picture-size", "600", "--workers", "1"]) == 0
        video = sorted(root.glob("S9/Videos/*.mp4"))[1]
        track = posegrid.load()(video)
        frames = [frame.picture.rgb() for frame in read_frames(video)]
    level = levelling_rotation(track.joints_mm[track.found])
    ground_mm = float(np.nanmax((track.joints_mm @ level.T)[..., 1]))
    shown = []
    for row in range(FIRST, FIRST + COUNT * EVERY, EVERY):
        picture = draw_keypoints(frames[row], track.keypoints_px[row])
        small = Image.fromarray(picture).crop(window_px(track.box_xyxy)).resize((SIZE_PX, SIZE_PX))
        space = draw_pose_3d(track.joints_mm[row] @ level.T, SIZE_PX, ground_mm=ground_mm)
        shown.append(Image.fromarray(beside(np.asarray(small), space)))
    first, *others = shown
    first.save(
        OUT, save_all=True, append_images=others, duration=20 * EVERY, loop=0, quality=70, method=4
    )
    print(f"{OUT}: {len(shown)} frames, {OUT.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
