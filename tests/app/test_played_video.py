"""The video beside a motion: its frames and times, and a picture of each person."""

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest
from motion.walks import walk_track, without_frames
from PIL import Image

from posegrid.app.played_video import FACE_PX, write_clip
from posegrid.body.camera import Camera
from posegrid.motion.motion_track import MotionTrack
from posegrid.results.watching import Watched
from posegrid.video.footage import footage_of_arrays
from posegrid.video.video import read_frames

COUNT = 15
TIME_S = 3 + np.arange(COUNT) / 10


def watched(size_wh: tuple[int, int], *lost: list[int]) -> Watched:
    """A film that gets brighter, and people in it who are not there in the `lost` rows."""
    width, height = size_wh
    pictures = [np.full((height, width, 3), 10 * n, np.uint8) for n in range(COUNT)]
    box = np.tile(np.float32([width / 4, height / 4, width / 2, height * 3 / 4]), (COUNT, 1))
    track = replace(
        walk_track(TIME_S), box_xyxy=box, camera=Camera((99.0, 99.0), (1.0, 1.0), size_wh)
    )
    people = [without_frames(track, rows) for rows in lost]
    raw = {
        number: MotionTrack(**{name: getattr(person, name) for name in person.__dataclass_fields__})
        for number, person in enumerate(people, start=1)
    }
    footage = footage_of_arrays(zip(TIME_S.tolist(), pictures, strict=True), None)
    return Watched(raw, {}, None, False, footage=footage)


def quiet(what: str, done: int, total: int | None) -> None:
    """A report that nobody reads."""


def test_every_frame_is_there_and_the_first_is_at_0(tmp_path: Path) -> None:
    told = []
    write_clip(tmp_path, watched((64, 48), []), [1], lambda *words: told.append(words))
    frames = list(read_frames(tmp_path / "video.mp4"))
    assert [frame.time_s for frame in frames] == pytest.approx(TIME_S - 3, abs=1e-3)
    shades = [float(frame.image.mean()) for frame in frames]
    assert shades == pytest.approx([10 * n for n in range(COUNT)], abs=3)
    assert told == [("Writing the video", n, COUNT) for n in range(1, COUNT + 1)]


def test_a_browser_can_jump_to_every_twelfth_frame(tmp_path: Path) -> None:
    write_clip(tmp_path, watched((64, 48), []), [1], quiet)
    with av.open(str(tmp_path / "video.mp4")) as container:
        packets = [packet for packet in container.demux(video=0) if packet.pts is not None]
        assert [n for n, packet in enumerate(packets) if packet.is_keyframe] == [0, 12]
        assert [p.pts for p in packets] == sorted(p.pts for p in packets)  # type: ignore[type-var]


def test_a_person_is_shown_as_in_the_middle_of_their_frames(tmp_path: Path) -> None:
    missing = list(range(1, 12))  # seen in frames 0, 12, 13 and 14
    write_clip(tmp_path, watched((64, 48), [], missing, [3]), [1, 2], quiet)
    assert {path.name for path in tmp_path.iterdir()} == {"video.mp4", "person1.jpg", "person2.jpg"}
    for number, row in ((1, 7), (2, 13)):
        with Image.open(tmp_path / f"person{number}.jpg") as face:
            assert face.size == (round(16 * FACE_PX / 24), FACE_PX)
            assert np.asarray(face).mean() == pytest.approx(10 * row, abs=2)


@pytest.mark.parametrize(
    ("size_wh", "shown"),
    [((1600, 400), (960, 240)), ((480, 1920), (240, 960)), ((66, 50), (66, 50))],
)
def test_a_large_video_is_made_smaller_in_its_shape(tmp_path: Path, size_wh, shown) -> None:
    write_clip(tmp_path, watched(size_wh, []), [], quiet)
    image = next(iter(read_frames(tmp_path / "video.mp4"))).image
    assert image.shape[1::-1] == shown


def test_of_one_frame_or_pictures_that_are_gone_there_is_no_video(tmp_path: Path) -> None:
    whole = watched((64, 48), [])
    write_clip(tmp_path, replace(whole, footage=None), [1], quiet)
    write_clip(tmp_path, replace(whole, raw={1: whole.raw[1][:1]}), [1], quiet)
    assert list(tmp_path.iterdir()) == []
