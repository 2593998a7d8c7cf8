"""Videos, pictures, folders and patterns are one thing: frames with times; and glances spread over
them.
"""

from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from posegrid.errors import SettingsError, SourceError
from posegrid.video.footage import name_of, open_footage, read_picture
from posegrid.video.video import read_frames, read_spread
from posegrid.video.writer import VideoWriter


def flat(value: int, size_wh: tuple[int, int] = (32, 16)) -> np.ndarray:
    return np.full((size_wh[1], size_wh[0], 3), value, np.uint8)


def write_pictures(folder: Path, names: list[str]) -> Path:
    """Pictures of one grey each, 10, 20, 30 ... in the order of the names given."""
    folder.mkdir()
    for number, name in enumerate(names, start=1):
        Image.fromarray(flat(10 * number)).save(folder / name)
    return folder


def greys(frames) -> list[int]:
    return [round(float(frame.image.mean()) / 10) for frame in frames]


def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path):
    folder = write_pictures(tmp_path / "walk", ["frame_1.png", "frame_2.png", "frame_10.png"])
    (folder / ".hidden.png").write_text("x")
    (folder / "notes.txt").write_text("x")
    footage = open_footage(folder, fps=30000 / 1001)
    frames = list(footage.frames())
    assert greys(frames) == [1, 2, 3] and footage.file_names == (
        "frame_1.png",
        "frame_2.png",
        "frame_10.png",
    )
    assert [frame.time_s for frame in frames] == pytest.approx(
        [0, 1001 / 30000, 9009 / 30000], abs=1e-12
    ), "number / fps"
    assert footage.facts.size_wh == (32, 16) and footage.facts.num_frames == 3


def test_a_pattern_takes_those_that_fit(tmp_path):
    folder = write_pictures(tmp_path / "walk", ["a_1.png", "b_1.png", "a_2.png"])
    assert greys(open_footage(folder / "a_*.png", fps=10).frames()) == [1, 3]
    assert name_of(folder / "a_*.png") == "walk" == name_of(folder)


def test_one_picture_needs_no_rate(tmp_path):
    folder = write_pictures(tmp_path / "walk", ["one.jpg"])
    (frame,) = open_footage(folder / "one.jpg").frames()
    assert frame.time_s == 0 and name_of(folder / "one.jpg") == "one"


def test_a_picture_is_turned_as_its_camera_noted(tmp_path):
    image = flat(0)
    image[:, :16, 0] = 250  # the left half is red
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    Image.fromarray(image).save(tmp_path / "a.png", exif=exif)
    shown = read_picture(tmp_path / "a.png").rgb()
    assert shown.shape == (32, 16, 3) and shown[:12, :, 0].min() > 200 and shown[20:].max() < 30, (
        "red on top"
    )


def test_a_video_has_its_own_times(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 25, (32, 16)) as video:
        for time_s in (0.0, 0.05, 0.4):
            video.write(flat(50), time_s)
    footage = open_footage(tmp_path / "a.mp4")
    assert [frame.time_s for frame in footage.frames()] == pytest.approx([0, 0.05, 0.4], abs=1e-4)


def make_damaged(folder: Path) -> None:
    (folder / "z.png").write_bytes((folder / "a.png").read_bytes()[:40])


def make_deep(folder: Path) -> None:
    Image.fromarray(np.zeros((16, 32), np.uint16)).save(folder / "z.png")


@pytest.mark.parametrize(
    ("make", "message"),
    [(make_damaged, r"z\.png: cannot be read as a picture"), (make_deep, "more than 8 bits")],
)
def test_a_picture_that_does_not_fit_stops_it_by_name(tmp_path, make, message):
    folder = write_pictures(tmp_path / "walk", ["a.png", "b.png"])
    make(folder)
    frames = []
    with pytest.raises(SourceError, match=message):
        frames.extend(open_footage(folder, fps=25).frames())
    assert greys(frames) == [1, 2]


@pytest.mark.parametrize("names", [["z.png"], ["0.png"], ["b2.png", "c.png", "d.png", "e.png"]])
def test_stray_pictures_of_another_size_are_named_before_anything_is_read(tmp_path, names):
    folder = write_pictures(tmp_path / "walk", [f"w{n}.png" for n in range(5)])
    for name in names:
        Image.fromarray(flat(1, (8, 8))).save(folder / name)
    with pytest.raises(SourceError, match=rf"most are 32 x 16, but not {names[0]} \(8 x 8\)"):
        open_footage(folder, fps=25)


@pytest.mark.parametrize(
    ("what", "fps", "error", "message"),
    [
        (
            "walk",
            None,
            SettingsError,
            "2 pictures, which do not say when they were taken: give `fps`",
        ),
        ("walk", 0.0, SettingsError, "above 0"),
        ("empty", 25, SourceError, "holds no pictures"),
        ("walk/x*.png", 25, SourceError, "holds no pictures"),
        ("none.png", None, SourceError, "no such video"),
    ],
)
def test_what_is_no_footage_is_refused(tmp_path, what, fps, error, message):
    write_pictures(tmp_path / "walk", ["a.png", "b.png"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(error, match=message):
        open_footage(tmp_path / what, fps)


def write_numbered(path: Path, count: int, keyint: int) -> Path:
    """A video whose n-th picture has the grey 2 n + 20."""
    with av.open(str(path), "w") as container:
        options = {"crf": "5", "x264-params": f"keyint={keyint}:scenecut=0"}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        for number in range(count):
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(flat(2 * number + 20), format="rgb24"))
            )
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(("num_frames", "keyint"), [(5, 250), (30, 250), (100, 250), (100, 4)])
@pytest.mark.parametrize("count", [8, 20])
def test_glances_are_spread_over_the_whole_video(tmp_path, num_frames, keyint, count):
    path = write_numbered(tmp_path / "a.mp4", num_frames, keyint)
    numbers = [(picture.rgb().mean() - 20) / 2 for picture in read_spread(path, count)]
    assert len(list(read_frames(path))) == num_frames
    assert min(count, num_frames) / 2 <= len(numbers) <= 2 * count
    assert (np.diff(numbers) > 0.2).all(), "in the order of time, none twice"
    reach = max(np.diff([0, *numbers, num_frames]))
    assert reach <= 2 * num_frames / min(len(numbers), num_frames) + 4, "no part of it is left out"


def test_glances_at_pictures_are_spread_likewise(tmp_path):
    folder = write_pictures(tmp_path / "walk", [f"{n}.png" for n in range(1, 25)])
    seen = [
        round(float(picture.rgb().mean()) / 10) for picture in open_footage(folder, 25).spread(8)
    ]
    assert seen == [1, 4, 7, 10, 13, 16, 19, 22]


def test_damage_ends_the_glances_early(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 60, 5)
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = bytes(len(data) - len(data) // 2)
    path.write_bytes(bytes(data))
    try:
        seen = list(read_spread(path, 8))
    except SourceError:
        return  # the index was at the end: not even opened
    assert len(seen) <= 16
