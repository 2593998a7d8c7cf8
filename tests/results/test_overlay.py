"""The overlay and the contact picture: what is drawn where, and what is left as it was."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from motion.walks import walk_track, without_frames
from PIL import Image

from posegrid.body.track import Track
from posegrid.results.overlay import CONTACT_HEIGHT_PX, write_contact_picture, write_overlay
from posegrid.video.picture import Picture
from posegrid.video.video import VideoFrame, read_frames

GREY = 90


def small_walk(count: int, width: int = 320) -> Track:
    """Somebody on the left of a picture of 16 x 9."""
    track, scale = walk_track(np.arange(count) / 25 + 1.0), width / 1280
    return replace(
        track,
        time_s=track.time_s + 7,
        camera=track.camera.resized(width, width * 9 // 16),
        keypoints_px=track.keypoints_px * np.float32(scale),
        box_xyxy=track.box_xyxy * np.float32(scale),
    )


def frames_of(track: Track) -> Iterator[VideoFrame]:
    width, height = track.camera.size_wh
    image = np.full((height, width, 3), GREY, np.uint8)
    for row, time_s in enumerate(track.time_s):
        yield VideoFrame(row, float(time_s), Picture.from_rgb(image))


def drawn(path: Path, track: Track) -> np.ndarray:
    """The picture, true where anything was drawn."""
    write_overlay(path, frames_of(track), track)
    return (np.asarray(Image.open(path)) != GREY).any(axis=2)


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_pose_in_space_is_in_the_corner_farther_from_the_person(tmp_path, mirrored):
    track, side = small_walk(2), int(0.34 * 180)
    if mirrored:
        x0, y0, x1, y1 = track.box_xyxy.T
        box = np.stack([320 - x1, y0, 320 - x0, y1], axis=1)
        points = track.keypoints_px * [-1, 1] + [320, 0]
        track = replace(track, box_xyxy=box, keypoints_px=points.astype(np.float32))
    changed = drawn(tmp_path / "a.png", track)
    x, y = track.keypoints_px[0].astype(int).T
    assert changed[y, x].all(), "the skeleton lies on its keypoints"
    assert (float(track.box_xyxy[0, [0, 2]].sum()) > 320) == mirrored
    far = slice(0, side) if mirrored else slice(320 - side, 320)
    assert changed[:side, far].all()
    changed[:side, far] = False
    x0, y0, x1, y1 = track.box_xyxy[0].astype(int)
    changed[y0 - 4 : y1 + 4, x0 - 4 : x1 + 4] = False
    assert not changed.any(), "all else is as it was"


def test_a_picture_without_anybody_is_left_as_it_is(tmp_path):
    track = without_frames(small_walk(2), [0])
    assert not drawn(tmp_path / "a.png", track).any()


def test_a_large_picture_is_drawn_smaller_and_the_skeleton_with_it(tmp_path):
    large = drawn(tmp_path / "large.png", small_walk(2, 2560))
    usual = drawn(tmp_path / "usual.png", small_walk(2, 1280))
    assert large.shape == usual.shape == (720, 1280)
    assert (large != usual).mean() < 1e-3 < usual.mean()


def test_a_video_keeps_the_frames_and_a_dozen_are_cut_out(tmp_path):
    track = without_frames(small_walk(15), [3])
    cut_out = write_overlay(tmp_path / "a.mp4", frames_of(track), track)
    times = [frame.time_s for frame in read_frames(tmp_path / "a.mp4")]
    assert times == pytest.approx((np.arange(15) / 25).tolist(), abs=1e-3)
    assert len(cut_out) == 12 and {len(picture) for picture in cut_out} == {CONTACT_HEIGHT_PX}


def test_pictures_stand_six_in_a_row_each_in_the_middle_of_its_place(tmp_path):
    pictures = [np.full((360, 20 + 10 * (n % 2), 3), 10 + n, np.uint8) for n in range(8)]
    write_contact_picture(tmp_path / "a.png", pictures)
    sheet = np.asarray(Image.open(tmp_path / "a.png"))[..., 0]
    assert sheet.shape == (2 * 364, 6 * 34)
    expected = np.full_like(sheet, 255)
    for n in range(8):
        x, y = 34 * (n % 6) + (0 if n % 2 else 5), 364 * (n // 6)
        expected[y : y + 360, x : x + (30 if n % 2 else 20)] = 10 + n
    np.testing.assert_array_equal(sheet, expected)


def test_of_no_pictures_there_is_no_file(tmp_path):
    write_contact_picture(tmp_path / "a.png", [])
    assert list(tmp_path.iterdir()) == []
