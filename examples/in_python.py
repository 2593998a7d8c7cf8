"""From a video to a table of steps, in Python:

python examples/in_python.py walk.mp4
"""

import sys
from pathlib import Path

import posegrid


def main(video: Path) -> None:
    """Print how much was found and the figures of the walk; write what other programs read."""
    model = posegrid.load()
    track = model(video, height_m=1.75, progress=lambda what, done, total: None)
    print(track)
    print(f"left knee at {track.time_s[0]:.2f} s: {track['left_knee'][0]} mm from the pelvis")
    track.between(0.0, 2.0).save(video.with_suffix(".bvh"))
    try:
        gait = track.gait()
    except posegrid.PosegridError as error:
        print(error)
        return
    for name, found in gait.quantities.items():
        print(f"{name}: {found.value:.2f} +- {found.uncertainty:.2f} {found.unit}")
    gait.save(video.with_suffix(".json"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
