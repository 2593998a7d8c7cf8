"""A sequence has a name in words, and its frames can be opened again and again."""

from collections.abc import Iterator

import numpy as np

from posegrid.body.camera import Camera
from posegrid.datasets.sequence import Frame, Sequence
from posegrid.video.picture import Picture


def make_sequence(num_poses: int) -> Sequence:
    picture = Picture.from_rgb(np.zeros((48, 64, 3), dtype=np.uint8))

    def open_frames() -> Iterator[Frame]:
        return (Frame(index, index / 50, picture) for index in range(num_poses))

    return Sequence(
        subject="S9",
        action="Walking",
        subaction=2,
        camera_id="54138969",
        camera=Camera((80.0, 80.0), (32.0, 24.0), (64, 48)),
        fps=50.0,
        pose_cam_mm=np.zeros((num_poses, 17, 3)),
        keypoints_px=np.zeros((num_poses, 17, 2)),
        open_frames=open_frames,
    )


def test_a_sequence_is_named_in_words() -> None:
    sequence = make_sequence(3)
    assert (sequence.name, sequence.num_frames) == ("S9 Walking 2 54138969", 3)
    for _ in range(2):
        assert [frame.index for frame in sequence.open_frames()] == [0, 1, 2]
    assert all(frame.mask is None for frame in sequence.open_frames())
